import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffBound } from "../../runtime/core/plan.js";

const policy = { maxAttempts: 9, initialBackoffMs: 100, maxBackoffMs: 1_000, multiplier: 2 };

test.each([
  [2, 100],
  [3, 200],
  [4, 400],
  [5, 800],
  [6, 1_000],
  [7, 1_000],
  [5_000, 1_000],
])("before attempt %i at most %i ms are waited", (attempt, bound) => {
  expect(backoffBound(policy, attempt)).toBe(bound);
});

test.each([0, 1])("no wait is shorter than the first, even before attempt %i", (attempt) => {
  expect(backoffBound(policy, attempt)).toBe(100);
});

test("with multiplier 1 all waits have the same bound", () => {
  expect([2, 3, 50].map((attempt) => backoffBound({ ...policy, multiplier: 1 }, attempt))).toEqual([100, 100, 100]);
});

test("a first wait above the cap is capped, too", () => {
  expect(backoffBound({ ...policy, maxBackoffMs: 30 }, 2)).toBe(30);
});

test("waits never shrink and never pass the cap, whatever the policy", () => {
  const any = fc.record({
    maxAttempts: fc.constant(9),
    initialBackoffMs: fc.integer({ min: 1, max: 10_000 }),
    maxBackoffMs: fc.integer({ min: 1, max: 1_000_000 }),
    multiplier: fc.double({ min: 1, max: 1_000, noNaN: true }),
  });
  fc.assert(
    fc.property(any, fc.integer({ min: 2, max: 100_000 }), (one, attempt) => {
      const [now, next] = [backoffBound(one, attempt), backoffBound(one, attempt + 1)];
      expect(now).toBeGreaterThan(0);
      expect(next).toBeGreaterThanOrEqual(now);
      expect(next).toBeLessThanOrEqual(one.maxBackoffMs);
    }),
  );
});
