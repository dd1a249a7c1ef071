import {
  advanceCompensation,
  compensationCalled,
  compensationFailed,
  compensationSucceeded,
  operatorActed,
} from "./backward.js";
import type { SagaEvent } from "./event.js";
import {
  begin,
  deadlinePassed,
  responded,
  respondFailed,
  stepCalled,
  stepDelivered,
  stepFailed,
  stepSucceeded,
} from "./forward.js";
import type { SagaPlan } from "./plan.js";
import { recovered } from "./recover.js";
import { initialState, type SagaState, type Transition, unexpected } from "./state.js";

/**
 * The saga as a pure state machine: the same plan, state and event always give the same result. The engine records the
 * event in the journal, and carries out the commands once the event is durable.
 */
export function transition(plan: SagaPlan, state: SagaState, event: SagaEvent): Transition {
  switch (event.kind) {
    case "started":
      if (state.phase !== "new") {
        return unexpected(state, `a saga that is ${state.phase} can't start`);
      }
      return begin(plan, {
        ...state,
        phase: "running",
        deadlineAtMs: event.deadlineAtMs,
        traceparent: event.traceparent,
      });
    case "step-delivered":
      return stepDelivered(state, event);
    case "step-called":
      return stepCalled(state, event);
    case "step-succeeded":
      return advanceCompensation(plan, stepSucceeded(plan, state, event));
    case "step-failed":
      return advanceCompensation(plan, stepFailed(plan, state, event));
    case "deadline-passed":
      return deadlinePassed(plan, state);
    case "recovered":
      return advanceCompensation(plan, recovered(plan, state));
    case "rollback-delivered":
      if (state.phase !== "rollback-queued") {
        return unexpected(state, `a saga that is ${state.phase} does not wait for a rollback`);
      }
      return advanceCompensation(plan, { state: { ...state, phase: "compensating" }, commands: [] });
    case "compensation-called":
      return compensationCalled(state, event);
    case "compensation-succeeded":
      return advanceCompensation(plan, compensationSucceeded(state, event));
    case "compensation-failed":
      return advanceCompensation(plan, compensationFailed(plan, state, event));
    case "responded":
      return responded(plan, state, event);
    case "respond-failed":
      return respondFailed(plan, state, event);
    case "operator-retried":
    case "operator-skipped":
      return advanceCompensation(plan, operatorActed(state, event));
  }
}

/**
 * The state after a saga's recorded events. It ignores their commands; the event "recovered" gives those that are still
 * needed.
 */
export function replay(plan: SagaPlan, events: Iterable<SagaEvent>): SagaState {
  let state = initialState(plan);
  for (const event of events) {
    state = transition(plan, state, event).state;
  }
  return state;
}
