import { expect } from "vitest";
import type { Mode } from "../support/book.js";
import type { Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

/** When a server is killed: at one of its journal's writes. */
export interface Moment {
  readonly mode: Mode;
  readonly when: "before" | "after";
  /** A booking takes three writes; one that is refused and rolled back takes four. */
  readonly write: number;
  readonly faultInject: boolean;
}

/** Kills a server at the moment, by SIGKILL, and starts it again: answers stay true, and no effect is lost or doubled. */
export async function crashAtWrite(scope: Scope, { mode, when, write, faultInject }: Moment): Promise<void> {
  const place = await createPlace(scope);
  await place.startUpstreams();
  const crashing = await place.startServer("test/end-to-end/crashing-server.ts", [String(write), when]);
  const first = await place.book("a", { faultInject, mode });
  expect(await crashing.exited, "the server was really killed").toEqual({ code: null, signal: "SIGKILL" });

  await place.startServer();
  const accepted = mode === "async" && first.code === 0;
  const again = accepted ? first : await place.book("a", { faultInject, mode });
  if (first.code !== 14) {
    expect(again, "the first answer stays true").toEqual(first);
  }
  // A sync saga is rolled back by the restart unless it was done; an async or throttled one continues.
  const succeeds = mode === "sync" ? again.code === 0 : !faultInject;
  const [wanted, most] = succeeds ? ["created", 2] : ["cancelled", mode === "sync" ? 2 : 1];
  await until(
    () => {
      const { orders, payments } = place.ledgers();
      const entries = [...orders.entries, ...payments.entries];
      const complete = mode === "sync" && !succeeds ? entries.length <= most : entries.length === most;
      return complete && entries.every(({ status }) => status === wanted);
    },
    { what: "both ledgers to agree" },
  );
  const { orders, payments } = place.ledgers();
  if (mode === "sync" && succeeds) {
    expect(faultInject).toBe(false);
    expect(orders.entries).toEqual([{ id: again.orderId, requestId: "a", status: "created" }]);
    expect(payments.entries).toEqual([{ id: again.paymentId, requestId: "a", status: "created" }]);
  }
  for (const times of [...orders.effectsByKey.values(), ...payments.effectsByKey.values()]) {
    expect(times, "no effect twice").toBe(1);
  }
}
