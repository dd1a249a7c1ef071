import type { Answer } from "../../test/support/book.js";

/** Error codes that report a saga's end. Any other failure does not: the client calls again. */
const ends = new Set([
  "SAGA_STEP_FAILED",
  "SAGA_INTERRUPTED",
  "SAGA_DEADLINE_EXCEEDED",
  "SAGA_NODE_ROLLBACK",
  "SAGA_NODE_FAILED",
  "SAGA_RESPOND_FAILED",
]);

/** An answer is the saga's end, "the id is in use", a refusal to be repeated later, or no answer of a server. */
export type Meaning = "end" | "taken" | "later" | "lost";

/** Classifies an answer. */
export function meaningOf({ code, info }: Answer): Meaning {
  if (code === 0) return "end";
  if (info === undefined) return "lost";
  if (info.reason === "SAGA_REQUEST_ID_TAKEN") return "taken";
  return ends.has(info.reason) ? "end" : "later";
}

/** The answer in one line; equal answers give equal lines. */
export function describe({ code, message, info, requestId, orderId, paymentId }: Answer): string {
  const ids = requestId === undefined ? "" : ` ${requestId} order ${orderId} payment ${paymentId}`;
  return code === 0 ? `OK${ids}` : `${code} ${info?.reason ?? "(no details)"} ${message}`;
}
