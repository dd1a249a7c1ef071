import { errorCatalogue, SagaError, type SagaErrorCode } from "../core/errors.js";
import type { StatusCode } from "../core/status.js";
import { statusText } from "../core/status-text.js";
import { ErrorInfo } from "../pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../pb/google/rpc/status.js";
import type { Refusal } from "./refusal.js";

/** What a call is answered: as it is stored, so that a repeat gets the same bytes. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array }
  | {
      readonly ok: false;
      readonly code: StatusCode;
      readonly message: string;
      /** A serialized google.rpc.Status; empty where there is none. */
      readonly details: Uint8Array;
    };

/** A definite answer other than OK. */
export type RefusedAnswer = Extract<Answer, { ok: false }>;

/** What a handler's refusal is answered. */
export function refusalAnswer({ status, message, details }: Refusal): RefusedAnswer {
  return { ok: false, code: status, message: statusText(message), details };
}

/** What an error of the kit's own is answered: with google.rpc.ErrorInfo details that bear its code. */
export function errorAnswer({ code: reason, plain }: Pick<SagaError, "code" | "plain">): RefusedAnswer {
  const code = errorCatalogue[reason].status;
  const message = statusText(plain);
  const info = ErrorInfo.encode({ reason, domain: "protosaga", metadata: {} }).finish();
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
  return { ok: false, code, message, details: RpcStatus.encode({ code, message, details }).finish() };
}

/** An answer of the kit's own. */
export function ownAnswer(code: SagaErrorCode, message: string): RefusedAnswer {
  return errorAnswer(new SagaError(code, message));
}
