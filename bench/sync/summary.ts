import { median } from "../support/statistics.js";
import { allSides, type Side } from "./side.js";
import type { Slice } from "./slice.js";

/** One side's figures: medians over the rounds. */
export interface Figures {
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** CPU-milliseconds a call of the facade's process. */
  readonly cpu_ms: number;
  readonly upstream_cpu_ms: number;
  /** Both client processes. */
  readonly client_cpu_ms: number;
}

/** All about one concurrency. Null stands where a side was left out or had no call that succeeded. */
export interface Row extends Partial<Record<Side, Figures>> {
  readonly concurrency: number;
  /** Throughput c/a: the median of the rounds' ratios. */
  readonly ratio: number | null;
  /** Throughput c/b. */
  readonly ratio_to_limit: number | null;
  /** Throughput b/a. */
  readonly limit_ratio: number | null;
  /** p99 c/a. */
  readonly p99_ratio: number | null;
  readonly errors: number;
}

/** The slices of one round at one concurrency. */
export type Round = Partial<Record<Side, Slice>>;

/** Sums up one concurrency. Ratios are taken within each round, where the machine was in the same mood. */
export function summarize(concurrency: number, rounds: readonly Round[]): Row {
  const ratio = (over: Side, under: Side, figure: "perSecond" | "p99Ms") =>
    rounded(
      median(
        rounds
          .map((round) => (round[over]?.[figure] ?? Number.NaN) / (round[under]?.[figure] ?? Number.NaN))
          .filter(Number.isFinite),
      ),
      3,
    );
  const figures = Object.fromEntries(
    allSides.flatMap((side) => {
      const slices = rounds.flatMap((round) => round[side] ?? []);
      return slices.length === 0 ? [] : [[side, figuresOf(slices)]];
    }),
  );
  return {
    concurrency,
    ratio: ratio("saga", "baseline", "perSecond"),
    ratio_to_limit: ratio("saga", "limit", "perSecond"),
    limit_ratio: ratio("limit", "baseline", "perSecond"),
    p99_ratio: ratio("saga", "baseline", "p99Ms"),
    errors: rounds.flatMap((round) => Object.values(round)).reduce((total, slice) => total + errorsIn(slice), 0),
    ...figures,
  };
}

/** How many things went wrong in a slice. */
export function errorsIn(slice: Slice): number {
  return Object.values(slice.errors).reduce((total, count) => total + count, 0);
}

function figuresOf(slices: readonly Slice[]): Figures {
  const of = (figure: Exclude<keyof Slice, "errors">, digits: number) =>
    rounded(median(slices.map((slice) => slice[figure]).filter(Number.isFinite)), digits) ?? 0;
  return {
    per_second: of("perSecond", 1),
    p50_ms: of("p50Ms", 2),
    p99_ms: of("p99Ms", 2),
    cpu_ms: of("facadeCpuMs", 3),
    upstream_cpu_ms: of("upstreamCpuMs", 3),
    client_cpu_ms: of("clientCpuMs", 3),
  };
}

/** JSON has no NaN. */
function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
