import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { isSagaError } from "../core/errors.js";
import { Status, type StatusCode } from "../core/status.js";
import { statusText } from "../core/status-text.js";
import type { Answer } from "../journal/journal.js";
import { ErrorInfo } from "../pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../pb/google/rpc/status.js";

/** The domain of the ErrorInfo details that we send. */
const errorDomain = "protosaga";

interface Details {
  readonly code: StatusCode;
  readonly message: string;
  /** A code of the error catalogue. */
  readonly reason: string;
  readonly sagaId?: string | undefined;
  readonly step?: string | undefined;
}

/** What a client sees of a saga that failed: the failing step's status, with saga and step in the details. */
export function failureStatus(sagaId: string, answer: Extract<Answer, { ok: false }>): StatusObject {
  const { code, message, reason } = answer.failure;
  return statusWith({ code, message, reason, sagaId, step: answer.step });
}

/** What a client sees of an error. One that is not ours is a bug: the client learns no more than that. */
export function errorStatus(error: unknown, sagaId?: string): StatusObject {
  if (isSagaError(error)) {
    return statusWith({ code: error.status, message: error.plain, reason: error.code, sagaId });
  }
  return statusWith({ code: Status.INTERNAL, message: "internal error", reason: "SAGA_INTERNAL", sagaId });
}

/** A status with google.rpc.ErrorInfo details (https://google.aip.dev/193). */
function statusWith({ code, message: text, reason, sagaId, step }: Details): StatusObject {
  const message = statusText(text);
  const info = ErrorInfo.encode({
    reason,
    domain: errorDomain,
    metadata: { ...(sagaId === undefined ? {} : { saga_id: sagaId }), ...(step === undefined ? {} : { step }) },
  }).finish();
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(RpcStatus.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}
