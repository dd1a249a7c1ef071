import { type Figures, figuresOf, medianOf, type Round, ratioOf } from "../support/figures.js";
import { errorsIn } from "../support/slice.js";
import { sum } from "../support/statistics.js";
import { allSides, type Side } from "./side.js";

/** The results of one concurrency. Null if a side was left out, or none of its calls succeeded. */
export interface Row extends Partial<Record<Side, Figures>> {
  readonly concurrency: number;
  /** Throughput c/a: the median of the rounds' ratios. */
  readonly ratio: number | null;
  /** Throughput c/b. */
  readonly ratio_to_limit: number | null;
  /** Throughput b/a. */
  readonly limit_ratio: number | null;
  /** Throughput d/c. */
  readonly postgres_ratio: number | null;
  /** CPU-milliseconds of PostgreSQL's processes a call of d. */
  readonly postgres_cpu_ms: number | null;
  /** p99 c/a. */
  readonly p99_ratio: number | null;
  readonly errors: number;
}

/** Sums up one concurrency. */
export function summarize(concurrency: number, rounds: readonly Round<Side>[]): Row {
  return {
    concurrency,
    ratio: ratioOf(rounds, "saga", "baseline", "perSecond"),
    ratio_to_limit: ratioOf(rounds, "saga", "limit", "perSecond"),
    limit_ratio: ratioOf(rounds, "limit", "baseline", "perSecond"),
    postgres_ratio: ratioOf(rounds, "postgres", "saga", "perSecond"),
    postgres_cpu_ms: medianOf(rounds, "postgres", "brokerCpuMs", 3),
    p99_ratio: ratioOf(rounds, "saga", "baseline", "p99Ms"),
    errors: sum(rounds.flatMap((round) => Object.values(round)).map(errorsIn)),
    ...Object.fromEntries(
      allSides.flatMap((side) => {
        const figures = figuresOf(rounds, side);
        return figures === undefined ? [] : [[side, figures]];
      }),
    ),
  };
}
