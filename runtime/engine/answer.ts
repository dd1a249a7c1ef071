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

/** Whether two requests say the same: the same bytes, or the same message in another order of its fields. */
export function isSameRequest(facade: FacadeDefinition, one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) {
    return true;
  }
  const canonical = (bytes: Uint8Array) => facade.request.encode(facade.request.decode(bytes)).finish();
  return Buffer.compare(canonical(one), canonical(other)) === 0;
}
