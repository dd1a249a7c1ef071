import type { DurationOption } from "../model.js";
import type { Report } from "./report.js";

/** google.protobuf.Duration's bound: 10,000 years. */
const maxSeconds = 315_576_000_000n;

/** Reports a duration that can't be one. `name` is its field's: "timeout". */
export function checkDuration(report: Report, name: string, duration: DurationOption | undefined): void {
  const problem = duration && problemOf(duration);
  if (duration && problem) {
    report("SAGA_DURATION_INVALID", duration.place, `${name} ${problem}; give at least 1 ms, like {nanos: 1000000}`);
  }
}

/** A duration in ms, rounded up to whole ones; undefined where it isn't set or can't be one. */
export function durationMs(duration: DurationOption | undefined): number | undefined {
  if (!duration || problemOf(duration)) {
    return undefined;
  }
  return Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1_000_000);
}

/** Whole units for messages: `2 s`, `150 ms`. */
export function formatMs(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}

function problemOf({ seconds, nanos }: DurationOption): string | undefined {
  if (Math.abs(nanos) > 999_999_999) {
    return `has ${nanos} nanos, more than a second has`;
  }
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) {
    return "has seconds and nanos of different signs";
  }
  if (seconds < 0n || nanos < 0) {
    return "is negative";
  }
  if (seconds === 0n && nanos === 0) {
    return "is zero";
  }
  if (seconds === 0n && nanos < 1_000_000) {
    return "is shorter than 1 ms";
  }
  if (seconds > maxSeconds || (seconds === maxSeconds && nanos > 0)) {
    return `is longer than ${maxSeconds} s`;
  }
  return undefined;
}
