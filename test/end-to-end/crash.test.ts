import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

const scope = createScope();

/** A booking takes three writes; one that is refused and rolled back takes four. */
const moments = [
  ...[1, 2, 3].map((write) => ({ write, faultInject: false })),
  ...[1, 2, 3, 4].map((write) => ({ write, faultInject: true })),
].flatMap((moment) => [
  { ...moment, when: "before" },
  { ...moment, when: "after" },
]);

describe("SIGKILL of the server at a journal write of a sync saga", () => {
  test.each(moments)("$when write $write, FaultInject $faultInject", async ({ write, when, faultInject }) => {
    const place = await createPlace(scope);
    await place.startUpstreams();
    const crashing = await place.startServer("test/end-to-end/crashing-server.ts", [String(write), when]);
    const first = await place.book("a", { faultInject });
    expect(await crashing.exited, "the server was really killed").toEqual({ code: null, signal: "SIGKILL" });

    await place.startServer();
    const again = await place.book("a", { faultInject });

    if (first.code !== 14) {
      expect(again, "what the client was told stays true").toEqual(first);
    }
    const wanted = again.code === 0 ? "created" : "cancelled";
    await until(() => settled(place.ledgers(), wanted), { what: "both ledgers to agree" });
    const { orders, payments } = place.ledgers();
    if (again.code === 0) {
      expect(faultInject).toBe(false);
      expect(orders.entries).toEqual([{ id: again.orderId, requestId: "a", status: "created" }]);
      expect(payments.entries).toEqual([{ id: again.paymentId, requestId: "a", status: "created" }]);
    }
    for (const times of [...orders.effectsByKey.values(), ...payments.effectsByKey.values()]) {
      expect(times, "no effect twice").toBe(1);
    }
  });
});

/** Whether all that there is has the status, on both sides or on none. */
function settled(
  { orders, payments }: ReturnType<Awaited<ReturnType<typeof createPlace>>["ledgers"]>,
  status: string,
): boolean {
  const entries = [...orders.entries, ...payments.entries];
  const both = status === "created" ? entries.length === 2 : true;
  return both && entries.every((entry) => entry.status === status);
}
