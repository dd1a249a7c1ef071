import { isRollback, isSagaError } from "../core/errors.js";
import type { Failure } from "../core/event.js";
import { Status } from "../core/status.js";
import { statusText } from "../core/status-text.js";

/** What an error that the user's code threw means for the saga. @param where "node createOrder" */
export function nodeFailure(error: unknown, where: string): Failure {
  if (isRollback(error)) {
    const message = statusText(error.message);
    return { code: error.status, message, reason: "SAGA_NODE_ROLLBACK", beforeCall: true };
  }
  if (isSagaError(error)) {
    return {
      code: error.status,
      message: statusText(`${where}: ${error.message}`),
      reason: error.code,
      beforeCall: true,
    };
  }
  return {
    code: Status.INTERNAL,
    message: statusText(`${where} failed: ${textOf(error)}`),
    reason: "SAGA_NODE_FAILED",
    beforeCall: true,
  };
}

/** Code may throw anything, even what can't be made a string. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "it threw a value that has no text";
  }
}
