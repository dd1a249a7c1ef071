import { describe, expect, test } from "vitest";
import type { Mode } from "../support/book.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

const scope = createScope();

/** A booking takes three writes; one that is refused and rolled back takes four. */
const moments = (["async", "throttled"] satisfies Mode[]).flatMap((mode) =>
  [1, 2, 3, 4].flatMap((write) =>
    ["before", "after"].map((when) => ({ mode, write, when, faultInject: write === 4 || when === "after" })),
  ),
);

describe("SIGKILL of the server at a journal write", () => {
  test.each(moments)("$when write $write of a saga that is $mode, FaultInject $faultInject", async (moment) => {
    const { mode, write, when, faultInject } = moment;
    const place = await createPlace(scope);
    await place.startUpstreams();
    const crashing = await place.startServer("test/end-to-end/crashing-server.ts", [String(write), when]);
    const first = await place.book("a", { faultInject, mode });
    expect(await crashing.exited, "the server was really killed").toEqual({ code: null, signal: "SIGKILL" });

    await place.startServer();
    const accepted = mode === "async" && first.code === 0;
    const again = accepted ? first : await place.book("a", { faultInject, mode });
    if (first.code !== 14) {
      expect(again, "what the client was told stays true").toEqual(first);
    }
    // What was accepted is carried on, and a client that asks again only learns how it ended.
    const wanted = faultInject ? "cancelled" : "created";
    await until(
      () => {
        const { orders, payments } = place.ledgers();
        const entries = [...orders.entries, ...payments.entries];
        return entries.length === (faultInject ? 1 : 2) && entries.every(({ status }) => status === wanted);
      },
      { what: "both ledgers to agree" },
    );
    for (const times of [
      ...place.ledgers().orders.effectsByKey.values(),
      ...place.ledgers().payments.effectsByKey.values(),
    ]) {
      expect(times, "no effect twice").toBe(1);
    }
  });
});
