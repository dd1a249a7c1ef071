import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coPartition } from "../../runtime/broker/kafka/co-partition.js";
import { createLanes, type Outcome } from "../../runtime/broker/kafka/lanes.js";
import { createOffsetTracker } from "../../runtime/broker/kafka/offset-tracker.js";
import { until } from "../support/until.js";

describe("the offset tracker", () => {
  test("commits nothing that is not handled, and all that is, whatever the order and the gaps", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3_000, size: "max" });
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, picks) => {
        const tracker = createOffsetTracker();
        let offset = 0n;
        const taken = steps.map((step) => {
          offset += BigInt(step);
          return tracker.add(offset, 10);
        });
        const open = [...taken];
        for (const pick of picks) {
          const first = taken.findIndex(({ done }) => !done);
          expect(tracker.handledTo).toBe(first <= 0 ? undefined : (taken[first - 1]?.offset ?? -1n) + 1n);
          expect(tracker.span).toBe(taken.length - first);
          expect(tracker.open).toBe(open.length);
          expect(tracker.openBytes).toBe(open.length * 10);
          // Of many, several between two looks: a look at all of them is slow.
          for (let many = 0; many <= steps.length / 20 && open.length > 0; many++) {
            const [entry] = open.splice((pick * (many + 1)) % open.length, 1);
            if (entry !== undefined) tracker.done(entry);
          }
          if (open.length === 0) break;
        }
        expect(tracker.handledTo).toBe(offset + 1n);
        expect([tracker.open, tracker.openBytes, tracker.span]).toEqual([0, 0, 0]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("co-partitioning", () => {
  const partitions = (topic: string) => Array.from({ length: topic === "small" ? 4 : 12 }, (_, at) => at);

  test("gives partitions of one number to one member, each to one, and to each member some", () => {
    const members = ["c", "a", "b"].map((id) => ({ id, topics: ["order", "payment"] }));
    const assignment = coPartition(members, partitions);
    for (const { id } of members) {
      expect(assignment.get(id)?.get("order")).toEqual(assignment.get(id)?.get("payment"));
      expect(assignment.get(id)?.get("order")).toHaveLength(4);
    }
    const all = members.flatMap(({ id }) => assignment.get(id)?.get("order") ?? []);
    expect(all.sort((a, b) => a - b)).toEqual(partitions("order"));
  });

  test("gives a topic only to those who subscribe to it, all of it", () => {
    const members = [
      { id: "old", topics: ["order"] },
      { id: "new", topics: ["order", "small"] },
    ];
    const assignment = coPartition(members, partitions);
    expect(assignment.get("new")?.get("small")).toEqual([0, 1, 2, 3]);
    expect(assignment.get("old")?.has("small")).toBe(false);
  });

  test("leaves members without a partition where there are more of them", () => {
    const members = Array.from({ length: 6 }, (_, at) => ({ id: String(at), topics: ["small"] }));
    const assignment = coPartition(members, partitions);
    expect([...assignment.values()].map((topics) => topics.get("small")?.length ?? 0)).toEqual([1, 1, 1, 1, 0, 0]);
  });
});

describe("lanes", () => {
  test("that are cleared forget what waits, and keep a key busy until its delivery has ended", async () => {
    const ends: ((outcome: Outcome) => void)[] = [];
    const delivered: string[] = [];
    const lanes = createLanes<string>({
      concurrency: 2,
      redeliveryDelayMs: 600_000,
      deliver(item) {
        delivered.push(item);
        return new Promise((resolve) => ends.push(resolve));
      },
    });
    lanes.add("a", "a/1");
    lanes.add("a", "a/2");
    lanes.add("b", "b/1");
    ends[1]?.("again");
    await new Promise(setImmediate);
    lanes.clear();
    // As after a rebalance: all that was not done comes again.
    for (const item of ["a/1", "a/2", "b/1"]) lanes.add(item.slice(0, 1), item);
    expect(delivered, "b no longer waits, a is still busy").toEqual(["a/1", "b/1", "b/1"]);
    ends[0]?.("again");
    await until(() => delivered.length === 4, { what: "a's next" });
    expect(delivered[3]).toBe("a/1");
  });
});
