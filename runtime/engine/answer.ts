import type { SagaState } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer } from "../journal/journal.js";

/** What a saga's clients are told; undefined while that is not decided. */
export function answerOf(facade: FacadeDefinition, state: SagaState): Answer | undefined {
  if (state.response !== undefined && state.phase === "completed") {
    return { ok: true, response: state.response };
  }
  if (state.failure === undefined) {
    return undefined;
  }
  const { step, ...failure } = state.failure;
  return { ok: false, failure, step: step === undefined ? undefined : facade.steps[step]?.name };
}

/** Whether two requests say the same: the same bytes, or the same message with its fields or map entries in another order. */
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
