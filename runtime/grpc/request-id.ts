import type { Metadata } from "@grpc/grpc-js";
import { SagaError } from "../core/errors.js";

/** The metadata key of the request id. */
export const requestIdKey = "x-request-id";

const longest = 128;
const allowed = /^[A-Za-z0-9._:/-]+$/;

/** A call's request id. @throws SagaError SAGA_REQUEST_ID_MISSING or SAGA_REQUEST_ID_INVALID */
export function requestIdOf(metadata: Metadata): string {
  const id = metadata.get(requestIdKey)[0];
  if (id === undefined || id.length === 0) {
    throw new SagaError("SAGA_REQUEST_ID_MISSING", `missing ${requestIdKey}`);
  }
  const text = id.toString();
  if (text.length > longest || !allowed.test(text)) {
    throw new SagaError(
      "SAGA_REQUEST_ID_INVALID",
      `${requestIdKey} must have 1 to ${longest} of the characters A-Z a-z 0-9 . _ : / -`,
    );
  }
  return text;
}
