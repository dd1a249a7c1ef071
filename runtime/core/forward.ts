import { fail } from "./backward.js";
import type { Command, SagaEvent } from "./event.js";
import { backoffBound, isDrivenByTopics, type SagaPlan, type StepPlan } from "./plan.js";
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
  type Transition,
  unexpected,
  withStep,
} from "./state.js";
import { isOutcomeUnknown, Status } from "./status.js";

type Of<Kind extends SagaEvent["kind"]> = Extract<SagaEvent, { kind: Kind }>;

/** Starts the saga: with its first group of steps, or, if it is async, with its response. */
export function begin(plan: SagaPlan, state: SagaState): Transition {
  return plan.mode === "async" ? { state, commands: [{ kind: "respond" }] } : startGroup(plan, state, 0);
}

/** Starts the steps of a group; past the last group, the response. */
function startGroup(plan: SagaPlan, state: SagaState, group: number): Transition {
  const members = plan.steps.flatMap((step, at) => (step.group === group ? [at] : []));
  return members.length > 0 ? schedule(plan, state, members, () => ({})) : finish(plan, state);
}

/**
 * Starts steps: at once, or, if topics drive the saga, when their messages arrive.
 * @param change what else changes in a step
 */
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

/** The command that starts an attempt of a step after a wait. */
function again(plan: SagaPlan, step: number, attempt: number, waitBoundMs: number): Command {
  return isDrivenByTopics(plan)
    ? { kind: "queue-step", step, waitBoundMs }
    : { kind: "call", step, attempt, waitBoundMs };
}

/** The message on a step's topic arrived. */
export function stepDelivered(state: SagaState, { step: at }: Of<"step-delivered">): Transition {
  const { status, attempts } = stepOf(state, at);
  if (!isQueued(state, at)) {
    return unexpected(state, `a step that is ${status} in a saga that is ${state.phase} does not wait for a message`);
  }
  return {
    state: withStep(state, at, { status: "due" }),
    commands: [{ kind: "call", step: at, attempt: attempts + 1, waitBoundMs: 0 }],
  };
}

/** All steps are done. An async saga ends, because its client has its answer; others need their response. */
export function finish(plan: SagaPlan, state: SagaState): Transition {
  if (plan.mode === "async") {
    return { state: { ...state, phase: "completed" }, commands: [] };
  }
  return { state, commands: [{ kind: "respond" }] };
}

/** A step's call may leave. */
export function stepCalled(state: SagaState, event: Of<"step-called">): Transition {
  const { status } = stepOf(state, event.step);
  if (state.phase !== "running" || status !== "due") {
    return unexpected(state, `a step that is ${status} in a saga that is ${state.phase} must not be called`);
  }
  const sent = event.sent === undefined ? {} : { sent: event.sent };
  return { state: withStep(state, event.step, { status: "calling", attempts: event.attempt, ...sent }), commands: [] };
}

/** A step's call succeeded. */
export function stepSucceeded(plan: SagaPlan, state: SagaState, event: Of<"step-succeeded">): Transition {
  const { status } = stepOf(state, event.step);
  if (status !== "calling") {
    return unexpected(state, `a step that is ${status} does not expect an answer`);
  }
  const next = withStep(state, event.step, { status: "done", received: event.received, failure: undefined });
  if (next.phase !== "running") {
    return { state: next, commands: [] };
  }
  const { group } = planOf(plan, event.step);
  const complete = plan.steps.every((step, at) => step.group !== group || stepOf(next, at).status === "done");
  return complete ? startGroup(plan, next, group + 1) : { state: next, commands: [] };
}

/** A step's call failed, or its request could not be built. */
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
    // Two servers ran the saga for a moment. Only the outcome of the later attempt counts.
    return unexpected(state, `attempt ${attempt} failed, but attempt ${before.attempts} is the current one`);
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
    // A request that could not be built counts as an attempt: past the pivot it is retried forever, and its waits must
    // grow.
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
 * Whether a step that is not retried may have taken effect. A definite failure after an attempt with an unknown outcome
 * does not decide that: it may concern the repeated call only. A pivot's definite failure does: a pivot can't be
 * compensated, and its upstream recognises a repeated call by its key.
 */
function isUnknown(step: StepPlan, inDoubt: boolean, lost: boolean): boolean {
  // mutation: refusal-after-lost-answer
  return step.kind === "pivot" ? lost : inDoubt;
}

/** Whether a failed step of a running saga is retried. */
function triesAgain(plan: SagaPlan, state: SagaState, step: StepPlan, failures: number, lost: boolean): boolean {
  if (isPastPivot(plan, state)) {
    return true; // The saga can't be rolled back, so only success ends the step.
  }
  if (step.kind === "pivot") {
    return lost; // It may have taken effect, so only a definite outcome ends the step.
  }
  // mutation: retry-only-unknown-outcomes
  // mutation: retry-only-idempotent-steps
  // mutation: step-attempts
  return lost && step.idempotent && failures < step.retry.maxAttempts;
}

/** The failure of a saga whose deadline passed. */
export const deadlineFailure: Omit<SagaFailure, "step"> = {
  code: Status.DEADLINE_EXCEEDED,
  message: "the saga's deadline passed before its steps were done",
  reason: "SAGA_DEADLINE_EXCEEDED",
  beforeCall: false,
};

/** The deadline passed. It has no effect past the pivot, or while the pivot may have taken effect. */
export function deadlinePassed(plan: SagaPlan, state: SagaState): Transition {
  if (state.phase !== "running") {
    return unexpected(state, `a saga that is ${state.phase} has no deadline`);
  }
  // mutation: deadline-only-before-pivot
  if (isPastPivot(plan, state) || isPivotInDoubt(plan, state)) {
    return unexpected(state, "the pivot has succeeded or may have; the saga only goes forward");
  }
  const at = state.steps.findIndex(isUnderWay);
  return fail(plan, state, { ...deadlineFailure, step: at < 0 ? undefined : at });
}

/** The response was built. */
export function responded(plan: SagaPlan, state: SagaState, event: Of<"responded">): Transition {
  if (state.phase !== "running" || state.response !== undefined) {
    return unexpected(state, `a saga that is ${state.phase} needs no response`);
  }
  if (plan.mode === "async") {
    return startGroup(plan, { ...state, response: event.response }, 0);
  }
  if (!isDone(state)) {
    return unexpected(state, "a saga with steps to do needs no response yet");
  }
  return { state: { ...state, response: event.response, phase: "completed" }, commands: [] };
}

/**
 * The response could not be built: before its pivot the saga is rolled back; after it, it completes with the failure as
 * answer.
 */
export function respondFailed(plan: SagaPlan, state: SagaState, event: Of<"respond-failed">): Transition {
  if (state.phase !== "running" || state.response !== undefined) {
    return unexpected(state, `a saga that is ${state.phase} needs no response`);
  }
  if (plan.mode !== "async" && !isDone(state)) {
    return unexpected(state, "a saga with steps to do needs no response yet");
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
