import { errorCatalogue, SagaError, type SagaErrorCode } from "../core/errors.js";
import { Status, type StatusCode, statusText } from "../core/status.js";
import { ErrorInfo } from "../pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../pb/google/rpc/status.js";

/** The outcome of a call as it is stored, so that a repeat returns the same bytes. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array }
  | {
      readonly ok: false;
      readonly code: StatusCode;
      readonly message: string;
      /** A serialized google.rpc.Status; empty if the answer has no details. */
      readonly details: Uint8Array;
    };

/** A definite answer other than OK. */
export type RefusedAnswer = Extract<Answer, { ok: false }>;

/** Options of a refusal. */
export interface RefusalOptions extends ErrorOptions {
  /** A serialized google.rpc.Status. The client receives it as the trailer `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
}

/**
 * Thrown by the handler of an RPC with an effect to reject the call. The handler's writes are rolled back. The refusal of
 * an action is stored as the key's answer, and every repeat returns it. A status that leaves the outcome unknown, such as
 * UNAVAILABLE, is returned but not stored: a repeat runs the handler again.
 * @example throw new Refusal("FAILED_PRECONDITION", "sold out");
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: StatusCode;
  /** A serialized google.rpc.Status; empty if the refusal has no details. */
  readonly details: Uint8Array;

  /** @param status the name or number of a gRPC status code; OK and unknown codes become UNKNOWN */
  constructor(status: keyof typeof Status | StatusCode, message: string, options: RefusalOptions = {}) {
    super(message, options);
    // Untyped callers pass anything, such as another error's code.
    const code: unknown = typeof status === "number" ? status : Status[status];
    const known = Object.values<unknown>(Status).includes(code) && code !== Status.OK;
    this.status = known ? (code as StatusCode) : Status.UNKNOWN;
    this.details = options.details ?? new Uint8Array();
  }
}

/** Whether a value is a {@link Refusal}. Checks the name, so that two copies of the package recognize each other's. */
export function isRefusal(value: unknown): value is Refusal {
  return value instanceof Error && value.name === "Refusal" && "status" in value && "details" in value;
}

/** The answer for a handler's refusal. */
export function refusalAnswer({ status, message, details }: Refusal): RefusedAnswer {
  return { ok: false, code: status, message: statusText(message), details };
}

/** The answer for an error of the kit. Its details are a google.rpc.ErrorInfo with the error's code as `reason`. */
export function errorAnswer({ code: reason, plain }: Pick<SagaError, "code" | "plain">): RefusedAnswer {
  const code = errorCatalogue[reason].status;
  const message = statusText(plain);
  const info = ErrorInfo.encode({ reason, domain: "protosaga", metadata: {} }).finish();
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
  return { ok: false, code, message, details: RpcStatus.encode({ code, message, details }).finish() };
}

/** The answer with one of the kit's error codes. */
export function sagaAnswer(code: SagaErrorCode, message: string): RefusedAnswer {
  return errorAnswer(new SagaError(code, message));
}
