import { expect, test } from "vitest";
import { createRecentlyEnded } from "../../runtime/engine/recently-ended.js";

test("the last 16,384 sagas are remembered, and not all that ever were", () => {
  const ended = createRecentlyEnded();
  const forgotten: number[] = [];
  for (let at = 0; at < 100_000; at++) {
    ended.add(`saga-${at}`);
    const oldest = Math.max(0, at - 16_383);
    if (!ended.has(`saga-${at}`) || !ended.has(`saga-${oldest}`)) forgotten.push(at);
  }
  expect(forgotten).toEqual([]);
  expect(ended.has("saga-0")).toBe(false);
});
