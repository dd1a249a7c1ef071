import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";

/** Whether two requests are the same: equal bytes, or the same message with its fields or map entries in another order. */
export function isSameRequest(facade: FacadeDefinition, one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) {
    return true;
  }
  const canonical = (bytes: Uint8Array) => JSON.stringify(sorted(facade.request.toJSON(facade.request.decode(bytes))));
  return canonical(one) === canonical(other);
}

/** Clients write the entries of a map in any order. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What a call is refused with if another request has its request id. */
export function idTaken(sagaId: string): SagaError {
  return new SagaError(
    "SAGA_REQUEST_ID_TAKEN",
    `request id ${sagaId} was used for another request or facade; use a new one for a new request`,
  );
}
