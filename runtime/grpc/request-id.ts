import type { Metadata } from "@grpc/grpc-js";
import { SagaError } from "../core/errors.js";

/** The metadata key of the request id. */
export const requestIdKey = "x-request-id";

const longest = 128;
const allowed = /^[A-Za-z0-9._:/-]+$/;

/** A call's request id. @throws SagaError SAGA_REQUEST_ID_MISSING or SAGA_REQUEST_ID_INVALID */
export function requestIdOf(metadata: Metadata): string {
  const mend = "send the same id with every attempt of one request, and another with another request";
  return checkRequestId(metadata.get(requestIdKey)[0]?.toString() ?? "", `metadata ${requestIdKey}`, mend);
}

/**
 * A request id that came in.
 * @param key what the client knows it by: the metadata's key or the message's field
 * @param mend what to do where it is missing
 * @throws SagaError SAGA_REQUEST_ID_MISSING where it is empty, or SAGA_REQUEST_ID_INVALID
 */
export function checkRequestId(id: string, key: string, mend: string): string {
  if (id.length === 0) {
    throw new SagaError("SAGA_REQUEST_ID_MISSING", `missing ${key}; ${mend}`);
  }
  if (!isRequestId(id)) {
    throw new SagaError(
      "SAGA_REQUEST_ID_INVALID",
      `${key} must have 1 to ${longest} of the characters A-Z a-z 0-9 . _ : / -`,
    );
  }
  return id;
}

/** Whether a text is a request id. One that is not must go neither into a header nor into the log: it may be of any length. */
export function isRequestId(text: string): boolean {
  return text.length <= longest && allowed.test(text);
}
