import type { Slice } from "./slice.js";
import { median, rounded } from "./statistics.js";

/** One side's figures at one concurrency: medians over the rounds. */
export interface Figures {
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** CPU-milliseconds a booking of the facade's process. */
  readonly cpu_ms: number;
  readonly upstream_cpu_ms: number;
  /** Both client processes. */
  readonly client_cpu_ms: number;
}

/** A figure of a slice. */
export type SliceFigure = Exclude<keyof Slice, "errors">;

/** The slices of one round at one concurrency, by side. */
export type Round<Side extends string> = Partial<Record<Side, Slice>>;

/** A side's figures over all rounds; undefined if it was left out. */
export function figuresOf<Side extends string>(rounds: readonly Round<Side>[], side: Side): Figures | undefined {
  const of = (figure: SliceFigure, digits: number) => medianOf(rounds, side, figure, digits) ?? 0;
  if (!rounds.some((round) => round[side] !== undefined)) return undefined;
  return {
    per_second: of("perSecond", 1),
    p50_ms: of("p50Ms", 2),
    p99_ms: of("p99Ms", 2),
    cpu_ms: of("facadeCpuMs", 3),
    upstream_cpu_ms: of("upstreamCpuMs", 3),
    client_cpu_ms: of("clientCpuMs", 3),
  };
}

/** The median of a side's figure over the rounds; null if there is none. */
export function medianOf<Side extends string>(
  rounds: readonly Round<Side>[],
  side: Side,
  figure: SliceFigure,
  digits: number,
): number | null {
  return rounded(median(rounds.map((round) => round[side]?.[figure] ?? Number.NaN).filter(Number.isFinite)), digits);
}

/** The median of the rounds' ratios: within a round the machine's speed is about the same. Null if there is none. */
export function ratioOf<Side extends string>(
  rounds: readonly Round<Side>[],
  over: Side,
  under: Side,
  figure: SliceFigure,
): number | null {
  const ratios = rounds.map((round) => (round[over]?.[figure] ?? Number.NaN) / (round[under]?.[figure] ?? Number.NaN));
  return rounded(median(ratios.filter(Number.isFinite)), 3);
}
