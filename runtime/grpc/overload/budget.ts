import { performance } from "node:perf_hooks";

/** So much in a time, on the average (a token bucket). */
export interface Budget {
  /** Takes some. @returns whether there was as much; where not, it is owed */
  take(amount?: number): boolean;
  /** How long until nothing is owed any more, ms. */
  owedMs(): number;
}

/** Makes one that is full. @param now the time, ms */
export function createBudget(
  { perMs, atOnce, mostOwed = Number.POSITIVE_INFINITY }: BudgetShape,
  now: () => number = () => performance.now(),
): Budget {
  let left = atOnce;
  let countedAtMs = now();

  function count(): void {
    const atMs = now();
    left = Math.min(atOnce, left + (atMs - countedAtMs) * perMs);
    countedAtMs = atMs;
  }

  return {
    take(amount = 1) {
      count();
      const there = left >= amount;
      // What comes in between is kept, also where it is less than what is asked for.
      if (there || left - amount >= -mostOwed) {
        left -= amount;
      }
      return there;
    },
    owedMs() {
      count();
      return Math.max(0, -left / perMs);
    },
  };
}

interface BudgetShape {
  /** How much a millisecond. */
  readonly perMs: number;
  /** How much at once, at most. */
  readonly atOnce: number;
  /** How much may be owed: what is taken past that is not counted. Default: any amount */
  readonly mostOwed?: number;
}
