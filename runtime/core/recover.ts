import { fail } from "./backward.js";
import { begin, finish, schedule } from "./forward.js";
import type { SagaPlan } from "./plan.js";
import {
  isPastPivot,
  isPivotInDoubt,
  isUnderWay,
  planOf,
  type SagaFailure,
  type SagaState,
  type StepState,
  type Transition,
  unexpected,
} from "./state.js";
import { Status } from "./status.js";

/** The failure of a saga that recovery rolls back. */
export const interrupted: Omit<SagaFailure, "step"> = {
  code: Status.UNAVAILABLE,
  message: "the server stopped while the saga ran; it is rolled back",
  reason: "SAGA_INTERRUPTED",
  beforeCall: false,
};

/**
 * A server loaded the saga from the journal. The outcome of a call that was in flight is unknown. It is repeated if the
 * saga goes forward and the step is idempotent; otherwise the step is compensated.
 */
export function recovered(plan: SagaPlan, state: SagaState): Transition {
  switch (state.phase) {
    case "running":
      return recoverRunning(plan, state);
    case "rollback-queued":
      // The message may have been published already. Publishing it twice does no harm.
      // mutation: restart-queues-rollback
      return { state: settle(state), commands: [{ kind: "queue-rollback" }] };
    case "compensating":
      return resumeCompensation(settle(state));
    default:
      return unexpected(state, `a saga that is ${state.phase} has nothing to recover`);
  }
}

function recoverRunning(plan: SagaPlan, state: SagaState): Transition {
  const committed = isPastPivot(plan, state) || isPivotInDoubt(plan, state);
  const open = state.steps.map((step, at) => ({ step, at })).filter(({ step }) => isUnderWay(step));
  // mutation: no-repeat-after-restart
  const lost = committed
    ? undefined
    : open.find(({ step, at }) => step.status === "calling" && !planOf(plan, at).idempotent);
  if ((!committed && plan.recovery === "roll-back") || lost !== undefined) {
    return fail(plan, settle(state), { ...interrupted, step: (lost ?? open[0])?.at });
  }
  if (open.length === 0) {
    return state.steps.every(({ status }) => status === "idle") ? begin(plan, state) : finish(plan, state);
  }
  return schedule(
    plan,
    state,
    open.map(({ at }) => at),
    // mutation: restart-keeps-doubt
    (step) => ({ inDoubt: step.inDoubt || step.status === "calling" }),
  );
}

function resumeCompensation(state: SagaState): Transition {
  const steps = state.steps.map((step): StepState => {
    return step.undo === "calling" || step.undo === "due" ? { ...step, undo: "idle" } : step;
  });
  return { state: { ...state, steps }, commands: [] };
}

/** Marks calls in flight as unknown: their answers are lost. */
function settle(state: SagaState): SagaState {
  const steps = state.steps.map((step): StepState => {
    // mutation: interrupted-call-is-unknown
    return step.status === "calling" ? { ...step, status: "unknown" } : step;
  });
  return { ...state, steps };
}
