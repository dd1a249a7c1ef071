import { type Figures, figuresOf, medianOf, type Round, ratioOf } from "../support/figures.js";
import { errorsIn } from "../support/slice.js";
import { sum } from "../support/statistics.js";
import { allSides, type Side, sides } from "./side.js";

/** One side's figures: medians over the rounds. A booking ends when its saga has; the CPU-milliseconds are for each. */
export interface AsyncFigures extends Figures {
  /** From the call to its answer. */
  readonly answer_p50_ms: number | null;
  readonly answer_p99_ms: number | null;
  /** CPU-milliseconds a booking of Kafka's own process; null where that is not known. */
  readonly kafka_cpu_ms: number | null;
}

/** Two sides compared: medians of the rounds' ratios. Null if a side was left out. */
export interface Comparison {
  /** Of bookings per second. The target is 1 or more. */
  readonly per_second: number | null;
  /** Of the time to completion. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** Of the facade's CPU a booking. */
  readonly cpu_ms: number | null;
}

/** The results of one concurrency. */
export interface Row extends Partial<Record<Side, AsyncFigures>> {
  readonly concurrency: number;
  readonly embedded_to_sync: Comparison;
  readonly kafka_to_bare: Comparison;
  readonly errors: number;
}

/** Sums up one concurrency. */
export function summarize(concurrency: number, rounds: readonly Round<Side>[]): Row {
  const compare = (over: Side, under: Side): Comparison => ({
    per_second: ratioOf(rounds, over, under, "perSecond"),
    p50_ms: ratioOf(rounds, over, under, "p50Ms"),
    p99_ms: ratioOf(rounds, over, under, "p99Ms"),
    cpu_ms: ratioOf(rounds, over, under, "facadeCpuMs"),
  });
  return {
    concurrency,
    embedded_to_sync: compare("embedded", "sync"),
    kafka_to_bare: compare("kafka", "bare"),
    errors: sum(rounds.flatMap((round) => Object.values(round)).map(errorsIn)),
    ...Object.fromEntries(
      allSides.flatMap((side) => {
        const figures = asyncFiguresOf(rounds, side);
        return figures === undefined ? [] : [[side, figures]];
      }),
    ),
  };
}

function asyncFiguresOf(rounds: readonly Round<Side>[], side: Side): AsyncFigures | undefined {
  const figures = figuresOf(rounds, side);
  return (
    figures && {
      ...figures,
      answer_p50_ms: medianOf(rounds, side, "answerP50Ms", 2),
      answer_p99_ms: medianOf(rounds, side, "answerP99Ms", 2),
      kafka_cpu_ms: sides[side].kafka ? medianOf(rounds, side, "brokerCpuMs", 3) : null,
    }
  );
}
