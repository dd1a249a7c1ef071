import { randomBytes } from "node:crypto";

const pattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's W3C trace context where it is a valid one, else the beginning of an unsampled trace (https://www.w3.org/TR/trace-context/). */
export function traceOf(traceparent: string | undefined): string {
  if (traceparent !== undefined && pattern.test(traceparent)) {
    return traceparent;
  }
  return `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`;
}

/** The context of a call within a trace: the same trace, a span of its own. */
export function childSpan(traceparent: string): string {
  return `${traceparent.slice(0, 36)}${randomBytes(8).toString("hex")}${traceparent.slice(52)}`;
}
