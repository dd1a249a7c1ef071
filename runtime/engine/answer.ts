import type { SagaState } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer } from "../journal/journal.js";

/** What a saga's clients are told; undefined while that is not decided. An async facade's are told before any step has run. */
export function answerOf(facade: FacadeDefinition, state: SagaState): Answer | undefined {
  if (state.response !== undefined && (state.phase === "completed" || facade.mode === "async")) {
    return { ok: true, response: state.response };
  }
  if (state.failure === undefined) {
    return undefined;
  }
  const { step, ...failure } = state.failure;
  return { ok: false, failure, step: step === undefined ? undefined : facade.steps[step]?.name };
}
