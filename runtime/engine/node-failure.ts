import { isRollback, isSagaError } from "../core/errors.js";
import type { Failure } from "../core/event.js";
import { Status } from "../core/status.js";

/** What an error that the user's code threw means for the saga. @param where "node createOrder" */
export function nodeFailure(error: unknown, where: string): Failure {
  if (isRollback(error)) {
    return { code: error.status, message: error.message, reason: "SAGA_NODE_ROLLBACK", beforeCall: true };
  }
  if (isSagaError(error)) {
    return { code: error.status, message: `${where}: ${error.message}`, reason: error.code, beforeCall: true };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: Status.INTERNAL,
    message: `${where} failed: ${message}`,
    reason: "SAGA_NODE_FAILED",
    beforeCall: true,
  };
}
