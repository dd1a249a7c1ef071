import type { DurationOption } from "../model.js";
import type { Report } from "./report.js";

/** The maximum of google.protobuf.Duration: 10,000 years. */
const maxSeconds = 315_576_000_000n;

/** Reports an invalid duration. `name` is the name of its field: "timeout". */
export function checkDuration(report: Report, name: string, duration: DurationOption | undefined): void {
  const problem = duration && problemOf(duration);
  if (duration && problem) {
    report("SAGA_DURATION_INVALID", duration.place, `${name} ${problem}; set at least 1 ms, such as {nanos: 1000000}`);
  }
}

/** A duration in ms, rounded up. Undefined if it is not set or invalid. */
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
    return `has ${nanos} nanos, more than one second`;
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
