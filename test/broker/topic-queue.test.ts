import { expect, test } from "vitest";
import { TopicQueue } from "../../runtime/broker/topic-queue.js";
import { until } from "../support/until.js";

test("a topic's queue that is cleared forgets what waits, and keeps a key busy until its delivery has ended", async () => {
  const ends: ((outcome: "done" | "again") => void)[] = [];
  const delivered: string[] = [];
  const queue = new TopicQueue<string>({
    redeliveryDelayMs: 600_000,
    maxRedeliveryDelayMs: 600_000,
    deliver(item) {
      delivered.push(item);
      return new Promise((resolve) => ends.push(resolve));
    },
  });
  queue.slots.setLimit(2);
  queue.add("a", "a/1");
  queue.add("a", "a/2");
  queue.add("b", "b/1");
  ends[1]?.("again");
  await new Promise(setImmediate);
  queue.clear();
  // As after a rebalance: all that was not done comes again.
  for (const item of ["a/1", "a/2", "b/1"]) queue.add(item.slice(0, 1), item);
  expect(delivered, "b no longer waits, a is still busy").toEqual(["a/1", "b/1", "b/1"]);
  ends[0]?.("again");
  await until(() => delivered.length === 4, { what: "a's next" });
  expect(delivered[3]).toBe("a/1");
});
