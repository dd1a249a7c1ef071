import type { Command, SagaEvent } from "./event.js";
import { type Transition, unexpected } from "./outcome.js";
import { backoffBound, isDrivenByTopics, type SagaPlan, type StepPlan } from "./plan.js";
import { fail } from "./roll-back.js";
import {
  isPastPivot,
  isPivotInDoubt,
  isQueued,
  isUnderWay,
  planOf,
  type SagaFailure,
  type SagaState,
  type StepState,
  stepOf,
  withStep,
} from "./state.js";
import { isOutcomeUnknown, Status } from "./status.js";

type Of<Kind extends SagaEvent["kind"]> = Extract<SagaEvent, { kind: Kind }>;

/** The saga begins: with its first steps, or, where the client is answered before any has run, with its response. */
export function begin(plan: SagaPlan, state: SagaState): Transition {
  return plan.mode === "async" ? { state, commands: [{ kind: "respond" }] } : startGroup(plan, state, 0);
}

/** Has every step of a group called; past the last group, has the response built. */
function startGroup(plan: SagaPlan, state: SagaState, group: number): Transition {
  const members = plan.steps.flatMap((step, at) => (step.group === group ? [at] : []));
  return members.length > 0 ? schedule(plan, state, members, () => ({})) : finish(plan, state);
}

/** Has steps called: at once, or where topics drive the saga when their message arrives. @param change what else changes */
export function schedule(
  plan: SagaPlan,
  state: SagaState,
  members: readonly number[],
  change: (step: StepState) => Partial<StepState>,
): Transition {
  const queued = isDrivenByTopics(plan);
  const commands: Command[] = [];
  let next = state;
  for (const at of members) {
    const step = stepOf(next, at);
    next = withStep(next, at, { ...change(step), status: queued ? "queued" : "due" });
    commands.push(again(plan, at, step.attempts + 1, 0));
  }
  return { state: next, commands };
}

/** What has a step called after a wait. */
function again(plan: SagaPlan, step: number, attempt: number, waitBoundMs: number): Command {
  return isDrivenByTopics(plan)
    ? { kind: "queue-step", step, waitBoundMs }
    : { kind: "call", step, attempt, waitBoundMs };
}

/** The message on a step's topic arrived. */
export function stepDelivered(state: SagaState, { step: at }: Of<"step-delivered">): Transition {
  const { status, attempts } = stepOf(state, at);
  if (!isQueued(state, at)) {
    return unexpected(state, `a step that is ${status} in a saga that is ${state.phase} waits for no message`);
  }
  return {
    state: withStep(state, at, { status: "due" }),
    commands: [{ kind: "call", step: at, attempt: attempts + 1, waitBoundMs: 0 }],
  };
}

/** All steps are done: the response is wanted, unless the client was answered when the saga began. */
export function finish(plan: SagaPlan, state: SagaState): Transition {
  if (plan.mode === "async") {
    return { state: { ...state, phase: "completed" }, commands: [] };
  }
  return { state, commands: [{ kind: "respond" }] };
}

/** The call may leave. */
export function stepCalled(state: SagaState, event: Of<"step-called">): Transition {
  const { status } = stepOf(state, event.step);
  if (state.phase !== "running" || status !== "due") {
    return unexpected(state, `a step that is ${status} in a saga that is ${state.phase} is not to be called`);
  }
  const sent = event.sent === undefined ? {} : { sent: event.sent };
  return { state: withStep(state, event.step, { status: "calling", attempts: event.attempt, ...sent }), commands: [] };
}

/** The call was answered. */
export function stepSucceeded(plan: SagaPlan, state: SagaState, event: Of<"step-succeeded">): Transition {
  const { status } = stepOf(state, event.step);
  if (status !== "calling") {
    return unexpected(state, `a step that is ${status} expects no answer`);
  }
  const next = withStep(state, event.step, { status: "done", received: event.received, failure: undefined });
  if (next.phase !== "running") {
    return { state: next, commands: [] };
  }
  const { group } = planOf(plan, event.step);
  const complete = plan.steps.every((step, at) => step.group !== group || stepOf(next, at).status === "done");
  return complete ? startGroup(plan, next, group + 1) : { state: next, commands: [] };
}

/** The call failed, or could not be built. */
export function stepFailed(plan: SagaPlan, state: SagaState, event: Of<"step-failed">): Transition {
  const { failure, step: at } = event;
  const before = stepOf(state, at);
  const expected = failure.beforeCall ? "due" : "calling";
  if (before.status !== expected) {
    return unexpected(
      state,
      `a step that is ${before.status} can't fail ${failure.beforeCall ? "before" : "after"} its call`,
    );
  }
  const { attempt = before.attempts } = event;
  // mutation: step-failure-counts-for-its-attempt
  if (attempt !== before.attempts) {
    // Two processes drove the saga for a moment; the later attempt's outcome counts, which is still to come.
    return unexpected(state, `attempt ${attempt} failed while attempt ${before.attempts} is under way`);
  }
  const step = planOf(plan, at);
  const lost = !failure.beforeCall && isOutcomeUnknown(failure.code);
  const inDoubt = before.inDoubt || lost;
  const running = state.phase === "running";
  // mutation: interrupted-attempt-is-no-failure
  const failures = before.failures + 1;
  const more = running && triesAgain(plan, state, step, failures, lost);
  const decision = event.decision ?? (more ? "retry" : isUnknown(step, inDoubt, lost) ? "unknown" : "failed");
  const decided = { ...event, decision };
  if (decision === "retry") {
    // A request that could not be built counts, too: past the pivot it is tried for ever, and its waits must grow.
    const attempts = failure.beforeCall ? before.attempts + 1 : before.attempts;
    const attempt = attempts + 1;
    const wait = backoffBound(step.retry, attempt);
    return {
      state: withStep(state, at, {
        status: isDrivenByTopics(plan) ? "queued" : "due",
        attempts,
        failures,
        inDoubt,
        failure,
      }),
      commands: [again(plan, at, attempt, wait)],
      decided,
    };
  }
  const next = withStep(state, at, { status: decision, failures, inDoubt, failure });
  return { ...(running ? fail(plan, next, { ...failure, step: at }) : { state: next, commands: [] }), decided };
}

/**
 * Whether a step that is given up may have taken effect: also one that is refused after an attempt whose answer was
 * lost, since the refusal may be of the repeat alone. A pivot's refusal is believed: it can't be undone, and its upstream
 * answers a repeat by its key.
 */
function isUnknown(step: StepPlan, inDoubt: boolean, lost: boolean): boolean {
  // mutation: refusal-after-lost-answer
  return step.kind === "pivot" ? lost : inDoubt;
}

/** Whether a failed step of a running saga is tried again. */
function triesAgain(plan: SagaPlan, state: SagaState, step: StepPlan, failures: number, lost: boolean): boolean {
  if (isPastPivot(plan, state)) {
    return true; // There is no way back: whatever the failure, only success ends it.
  }
  if (step.kind === "pivot") {
    return lost; // It may have happened: neither direction is safe until a definite answer comes.
  }
  // mutation: retry-only-unknown-outcomes
  // mutation: retry-only-idempotent-steps
  // mutation: step-attempts
  return lost && step.idempotent && failures < step.retry.maxAttempts;
}

/** Why a saga is rolled back whose deadline has passed. */
export const deadlineFailure: Omit<SagaFailure, "step"> = {
  code: Status.DEADLINE_EXCEEDED,
  message: "the saga's deadline passed before its steps were done",
  reason: "SAGA_DEADLINE_EXCEEDED",
  beforeCall: false,
};

/** The deadline passed. Past the pivot, or while it may have happened, the saga goes on all the same. */
export function deadlinePassed(plan: SagaPlan, state: SagaState): Transition {
  if (state.phase !== "running") {
    return unexpected(state, `a saga that is ${state.phase} has no deadline`);
  }
  // mutation: deadline-only-before-pivot
  if (isPastPivot(plan, state) || isPivotInDoubt(plan, state)) {
    return unexpected(state, "the pivot has, or may have, succeeded: the saga only goes forward");
  }
  const at = state.steps.findIndex(isUnderWay);
  return fail(plan, state, { ...deadlineFailure, step: at < 0 ? undefined : at });
}

/** The response was built. */
export function responded(plan: SagaPlan, state: SagaState, event: Of<"responded">): Transition {
  if (state.phase !== "running" || state.response !== undefined) {
    return unexpected(state, `a saga that is ${state.phase} wants no response`);
  }
  if (plan.mode === "async") {
    return startGroup(plan, { ...state, response: event.response }, 0);
  }
  if (!isDone(state)) {
    return unexpected(state, "a saga with steps to do wants no response yet");
  }
  return { state: { ...state, response: event.response, phase: "completed" }, commands: [] };
}

/** The response could not be built: undone where that is still possible, else completed with the failure as its answer. */
export function respondFailed(plan: SagaPlan, state: SagaState, event: Of<"respond-failed">): Transition {
  if (state.phase !== "running" || state.response !== undefined) {
    return unexpected(state, `a saga that is ${state.phase} wants no response`);
  }
  if (plan.mode !== "async" && !isDone(state)) {
    return unexpected(state, "a saga with steps to do wants no response yet");
  }
  const failure = { ...event.failure, step: undefined };
  if (isPastPivot(plan, state)) {
    return { state: { ...state, phase: "completed", failure }, commands: [] };
  }
  return fail(plan, state, failure);
}

function isDone(state: SagaState): boolean {
  return state.steps.every((step) => step.status === "done");
}
