import { expect, test } from "vitest";
import { createRecentlyEnded } from "../../runtime/engine/recently-ended.js";

test("the last 16,384 sagas are remembered, and not all that ever were", () => {
  const ended = createRecentlyEnded();
  for (let at = 0; at < 100_000; at++) {
    ended.add(`saga-${at}`);
    expect(ended.has(`saga-${at}`)).toBe(true);
    expect(ended.has(`saga-${Math.max(0, at - 16_383)}`)).toBe(true);
  }
  expect(ended.has("saga-0")).toBe(false);
});
