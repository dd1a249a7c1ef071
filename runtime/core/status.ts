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

/** The name of a status code; UNKNOWN for any other number. */
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
 * Whether a call that failed with this status may have taken effect. Such a call is retried, and its outcome is unknown
 * once its attempts are used up. Every other failure is definite.
 */
export function isOutcomeUnknown(code: StatusCode): boolean {
  return outcomeUnknown.has(code) || !names.has(code);
}

/** The maximum length of a status message: it is sent in a header, and again in the details. */
const longestText = 1_000;

/**
 * A text that is valid in a gRPC status. It has no unpaired surrogates, which can't be encoded, and it is short enough
 * for the header limits of clients.
 */
export function statusText(text: string): string {
  const cut = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  return cut.replaceAll(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
