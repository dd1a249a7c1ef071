import type { Transition } from "./outcome.js";
import type { SagaPlan } from "./plan.js";
import { needsUndo, planOf, type SagaFailure, type SagaState, type StepState } from "./state.js";

/**
 * Turns a running saga back. What waits for another attempt has an unknown outcome; what is being called is left to
 * be answered, so that its compensation knows the answer. A saga with nothing to undo has no need of the topic.
 */
export function fail(plan: SagaPlan, state: SagaState, failure: SagaFailure): Transition {
  const steps = state.steps.map((step): StepState => {
    if (step.status !== "due" && step.status !== "queued") {
      return step;
    }
    return { ...step, status: step.attempts > 0 ? "unknown" : "idle" };
  });
  const next: SagaState = { ...state, steps, failure, phase: "rollback-queued" };
  const nothing = steps.every((step, at) => step.status !== "calling" && !needsUndo(planOf(plan, at), step));
  if (nothing) {
    return { state: { ...next, phase: "compensated" }, commands: [] };
  }
  return { state: next, commands: [{ kind: "queue-rollback" }] };
}
