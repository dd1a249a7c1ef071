import { Status, type StatusCode } from "../core/status.js";

/** What a refusal may say beside its status and message. */
export interface RefusalOptions extends ErrorOptions {
  /** A serialized google.rpc.Status: what the client gets as the trailer `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
}

/**
 * Thrown by a handler of an RPC with an effect to say no. The handler's writes are rolled back. Of an action, the
 * refusal is kept as the key's answer: every repeat gets it. A status that leaves the outcome open, such as UNAVAILABLE,
 * is answered and not kept: a repeat runs anew.
 * @example throw new Refusal("FAILED_PRECONDITION", "sold out");
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: StatusCode;
  /** A serialized google.rpc.Status; empty where there is none. */
  readonly details: Uint8Array;

  /** @param status the name of a gRPC status code, or its number; OK is no refusal and becomes UNKNOWN */
  constructor(status: keyof typeof Status | StatusCode, message: string, options: RefusalOptions = {}) {
    super(message, options);
    // Untyped callers pass anything, such as an error's own code.
    const code: unknown = typeof status === "number" ? status : Status[status];
    const known = Object.values<unknown>(Status).includes(code) && code !== Status.OK;
    this.status = known ? (code as StatusCode) : Status.UNKNOWN;
    this.details = options.details ?? new Uint8Array();
  }
}

/** Whether a value is a {@link Refusal}; by name, so that two copies of the package recognise each other's. */
export function isRefusal(value: unknown): value is Refusal {
  return value instanceof Error && value.name === "Refusal" && "status" in value && "details" in value;
}
