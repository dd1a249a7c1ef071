import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBudget } from "../../../runtime/grpc/overload/budget.js";

describe("a budget", () => {
  test("gives what comes in, however often it is asked, and no more", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 5, noNaN: true }),
        fc.integer({ min: 0, max: 100_000 }),
        (stepMs, idleMs) => {
          let now = 0;
          const budget = createBudget({ perMs: 0.5, atOnce: 100, mostOwed: 0 }, () => now);
          now += idleMs;
          let given = 0;
          const lengthMs = 10_000;
          for (const end = now + lengthMs; now < end; now += stepMs) given += budget.take() ? 1 : 0;
          const asked = lengthMs / stepMs;
          expect(given).toBeLessThanOrEqual(100 + 0.5 * lengthMs + 1);
          expect(given).toBeGreaterThanOrEqual(Math.min(asked, 0.5 * lengthMs) - 2);
        },
      ),
    );
  });

  test("says how long what is owed takes to come in", () => {
    let now = 0;
    const budget = createBudget({ perMs: 2, atOnce: 10 }, () => now);
    expect([budget.take(10), budget.take(4), budget.take(4)]).toEqual([true, false, false]);
    expect(budget.owedMs()).toBe(4);
    now = 3;
    expect(budget.owedMs()).toBe(1);
    now = 5;
    expect([budget.owedMs(), budget.take(), budget.take(2)]).toEqual([0, true, false]);
  });
});
