import { Status, type StatusCode } from "./status.js";

interface ErrorKind {
  /** The gRPC status that a client sees. */
  readonly status: StatusCode;
  /** Whether the same call may succeed later, with the same request id. */
  readonly retriable: boolean;
}

/** Every error code of protosaga, with its gRPC status. Documented in docs/reference/errors.md. */
export const errorCatalogue = {
  SAGA_REQUEST_ID_MISSING: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_REQUEST_ID_INVALID: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_REQUEST_ID_TAKEN: { status: Status.ALREADY_EXISTS, retriable: false },
  SAGA_REQUEST_MALFORMED: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_REQUEST_INCOMPLETE: { status: Status.DEADLINE_EXCEEDED, retriable: false },
  SAGA_DEADLINE_EXCEEDED: { status: Status.DEADLINE_EXCEEDED, retriable: false },
  SAGA_INTERRUPTED: { status: Status.UNAVAILABLE, retriable: false },
  SAGA_STEP_FAILED: { status: Status.UNKNOWN, retriable: false },
  SAGA_NODE_ROLLBACK: { status: Status.UNKNOWN, retriable: false },
  SAGA_NODE_FAILED: { status: Status.INTERNAL, retriable: false },
  SAGA_NODE_TODO: { status: Status.UNIMPLEMENTED, retriable: false },
  SAGA_RESPOND_FAILED: { status: Status.INTERNAL, retriable: false },
  SAGA_STRUCTURE_CHANGED: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_QUEUE_FULL: { status: Status.RESOURCE_EXHAUSTED, retriable: true },
  SAGA_BROKER_UNAVAILABLE: { status: Status.UNAVAILABLE, retriable: true },
  SAGA_NOT_AUTHORIZED: { status: Status.PERMISSION_DENIED, retriable: false },
  SAGA_NOT_STARTED: { status: Status.UNAVAILABLE, retriable: true },
  SAGA_DRAINING: { status: Status.UNAVAILABLE, retriable: true },
  SAGA_JOURNAL_UNAVAILABLE: { status: Status.UNAVAILABLE, retriable: true },
  SAGA_JOURNAL_CONFLICT: { status: Status.ABORTED, retriable: true },
  SAGA_JOURNAL_CORRUPT: { status: Status.DATA_LOSS, retriable: false },
  SAGA_JOURNAL_NEWER: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_JOURNAL_LOCKED: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_POD_ID_TAKEN: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_CONFIG_INVALID: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_LISTEN_FAILED: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_DEFINITION_INVALID: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_MESSAGE_POISON: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_NOT_STUCK: { status: Status.FAILED_PRECONDITION, retriable: false },
  SAGA_NOT_FOUND: { status: Status.NOT_FOUND, retriable: false },
  SAGA_KEY_MISSING: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_KEY_INVALID: { status: Status.INVALID_ARGUMENT, retriable: false },
  SAGA_KEY_TAKEN: { status: Status.ALREADY_EXISTS, retriable: false },
  SAGA_ACTION_BLOCKED: { status: Status.ABORTED, retriable: false },
  SAGA_NOTHING_TO_UNDO: { status: Status.NOT_FOUND, retriable: false },
  SAGA_BARRIER_UNAVAILABLE: { status: Status.UNAVAILABLE, retriable: true },
  SAGA_INTERNAL: { status: Status.INTERNAL, retriable: false },
} as const satisfies Record<string, ErrorKind>;

/** The stable code of an error of protosaga. */
export type SagaErrorCode = keyof typeof errorCatalogue;

/** An error of protosaga. Its message begins with its code because many tools show only the message. */
export class SagaError extends Error {
  override readonly name = "SagaError";
  readonly code: SagaErrorCode;
  /** The message without its code. A gRPC client gets this message, and the code in the details. */
  readonly plain: string;

  constructor(code: SagaErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
    this.plain = message;
  }

  /** The gRPC status that a client sees. */
  get status(): StatusCode {
    return errorCatalogue[this.code].status;
  }

  /** Whether the same call may succeed later. */
  get retriable(): boolean {
    return errorCatalogue[this.code].retriable;
  }
}

/** Whether a value is a {@link SagaError}. It compares names, so it works across copies of the package. */
export function isSagaError(value: unknown): value is SagaError {
  return value instanceof Error && value.name === "SagaError" && "code" in value;
}

/**
 * A node throws this to roll the saga back. The client gets the status and the message.
 * @example throw new Rollback("FAILED_PRECONDITION", "sold out");
 */
export class Rollback extends Error {
  override readonly name = "Rollback";
  readonly status: StatusCode;

  /** @param status the name or number of a gRPC status code; OK, or anything else, becomes UNKNOWN */
  constructor(status: keyof typeof Status | StatusCode, message: string, options?: ErrorOptions) {
    super(message, options);
    // Untyped callers may pass any value, such as the code of another error.
    const code: unknown = typeof status === "number" ? status : Status[status];
    const known = Object.values<unknown>(Status).includes(code) && code !== Status.OK;
    this.status = known ? (code as StatusCode) : Status.UNKNOWN;
  }
}

/** Whether a value is a {@link Rollback}. It compares names, so it works across copies of the package. */
export function isRollback(value: unknown): value is Rollback {
  return value instanceof Error && value.name === "Rollback" && "status" in value;
}
