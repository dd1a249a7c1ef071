import { performance } from "node:perf_hooks";

/** So much in a time, on the average (a token bucket). */
export interface Budget {
  /** Takes one. @returns whether there was one; where not, it is owed */
  take(): boolean;
  /** How long until nothing is owed any more, ms. */
  owedMs(): number;
}

/**
 * @param perMs how many a millisecond
 * @param atOnce how many at once, at most
 * @param mostOwed how many may be owed: what is taken past that is not counted
 */
export function createBudget(perMs: number, atOnce: number, mostOwed: number): Budget {
  let left = atOnce;
  let countedAtMs = performance.now();

  function count(): void {
    const now = performance.now();
    left = Math.min(atOnce, left + (now - countedAtMs) * perMs);
    countedAtMs = now;
  }

  return {
    take() {
      if (left < 1) {
        count();
      }
      const there = left >= 1;
      left = Math.max(left - 1, -mostOwed);
      return there;
    },
    owedMs() {
      count();
      return Math.max(0, -left / perMs);
    },
  };
}
