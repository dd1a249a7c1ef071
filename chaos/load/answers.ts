import type { Answer } from "../../test/support/book.js";

/** What a saga's client may be told about how it ends. Any other failure says nothing of it: ask again. */
const ends = new Set([
  "SAGA_STEP_FAILED",
  "SAGA_INTERRUPTED",
  "SAGA_DEADLINE_EXCEEDED",
  "SAGA_NODE_ROLLBACK",
  "SAGA_NODE_FAILED",
  "SAGA_RESPOND_FAILED",
]);

/** What an answer says: the saga's end, that the id is another request's, nothing of use, or nothing at all. */
export type Meaning = "end" | "taken" | "later" | "lost";

/** Tells what an answer says. */
export function meaningOf({ code, info }: Answer): Meaning {
  if (code === 0) return "end";
  if (info === undefined) return "lost";
  if (info.reason === "SAGA_REQUEST_ID_TAKEN") return "taken";
  return ends.has(info.reason) ? "end" : "later";
}

/** One line for people, in which equal answers are equal. */
export function describe({ code, message, info, requestId, orderId, paymentId }: Answer): string {
  const ids = requestId === undefined ? "" : ` ${requestId} order ${orderId} payment ${paymentId}`;
  return code === 0 ? `OK${ids}` : `${code} ${info?.reason ?? "(no details)"} ${message}`;
}
