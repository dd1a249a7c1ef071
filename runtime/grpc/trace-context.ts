import { randomFillSync } from "node:crypto";

const pattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Asking the system for each id on its own costs more than the rest of a call's metadata. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

/** The caller's W3C trace context where it is a valid one, else the beginning of an unsampled trace (https://www.w3.org/TR/trace-context/). */
export function traceOf(traceparent: string | undefined): string {
  if (traceparent !== undefined && pattern.test(traceparent)) {
    return traceparent;
  }
  return `00-${randomHex(16)}-${randomHex(8)}-00`;
}

/** The context of a call within a trace: the same trace, a span of its own. */
export function childSpan(traceparent: string): string {
  return `${traceparent.slice(0, 36)}${randomHex(8)}${traceparent.slice(52)}`;
}
