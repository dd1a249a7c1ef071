/** The gRPC status codes, numbered as on the wire (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A gRPC status code's number. */
export type StatusCode = number;

/** A gRPC status code's name. */
export type StatusName = keyof typeof Status;

const names = new Map<number, StatusName>(Object.entries(Status).map(([name, code]) => [code, name as StatusName]));

/** The name of a status code; UNKNOWN for a number that is none. */
export function statusName(code: StatusCode): StatusName {
  return names.get(code) ?? "UNKNOWN";
}

const outcomeUnknown: ReadonlySet<StatusCode> = new Set([
  Status.DEADLINE_EXCEEDED,
  Status.UNAVAILABLE,
  Status.CANCELLED,
  Status.UNKNOWN,
  Status.INTERNAL,
  Status.DATA_LOSS,
  Status.ABORTED,
  Status.RESOURCE_EXHAUSTED,
]);

/**
 * Whether a call that failed with this status may nevertheless have taken effect. Such calls are retried, and when
 * the policy is used up the outcome is unknown. Every other failure is a definite refusal.
 */
export function isOutcomeUnknown(code: StatusCode): boolean {
  return outcomeUnknown.has(code) || !names.has(code);
}
