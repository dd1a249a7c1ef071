import type { Command, Failure, SagaEvent, UndoDecision } from "./event.js";
import { backoffBound, type RetryPolicy, type SagaPlan, type StepPlan } from "./plan.js";
import {
  needsUndo,
  planOf,
  type SagaFailure,
  type SagaState,
  type StepState,
  stepOf,
  type Transition,
  unexpected,
  withStep,
} from "./state.js";
import { Status } from "./status.js";

type Of<Kind extends SagaEvent["kind"]> = Extract<SagaEvent, { kind: Kind }>;

/**
 * Starts the rollback of a running saga. The outcome of a step that waits for its next attempt is unknown. A call in
 * flight is not abandoned, because its outcome decides about its compensation. A saga with nothing to compensate ends
 * at once.
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

/**
 * Starts the compensations of the next group, in reverse order of the groups. Those of one group run in parallel. A
 * group waits until all its calls have ended and all later groups are compensated. Does nothing unless the saga is
 * compensating.
 */
export function advanceCompensation(plan: SagaPlan, before: Transition): Transition {
  if (before.state.phase !== "compensating") {
    return before;
  }
  const last = plan.steps.at(-1)?.group ?? 0;
  let state = before.state;
  // mutation: reverse-order
  for (let group = last; group >= 0; group--) {
    const members = plan.steps.map((_, at) => at).filter((at) => planOf(plan, at).group === group);
    // mutation: wait-for-calls-in-flight
    if (members.some((at) => stepOf(state, at).status === "calling")) {
      return { ...before, state };
    }
    const open = members.filter((at) => needsUndo(planOf(plan, at), stepOf(state, at)));
    if (open.length === 0) {
      continue;
    }
    const commands: Command[] = [...before.commands];
    for (const at of open.filter((member) => stepOf(state, member).undo === "idle")) {
      const attempt = stepOf(state, at).undoAttempts + 1;
      state = withStep(state, at, { undo: "due" });
      commands.push({ kind: "compensate", step: at, attempt, waitBoundMs: waitBefore(planOf(plan, at), attempt) });
    }
    const stuck = open.every((at) => stepOf(state, at).undo === "stuck");
    return { ...before, state: stuck ? { ...state, phase: "stuck" } : state, commands };
  }
  return { ...before, state: { ...state, phase: "compensated" } };
}

/** The compensation's call may leave. */
export function compensationCalled(state: SagaState, event: Of<"compensation-called">): Transition {
  const { undo } = stepOf(state, event.step);
  if (state.phase !== "compensating" || undo !== "due") {
    return unexpected(state, `a compensation that is ${undo} in a saga that is ${state.phase} must not be called`);
  }
  const sent = event.sent === undefined ? {} : { undoSent: event.sent };
  return {
    state: withStep(state, event.step, { undo: "calling", undoAttempts: event.attempt, ...sent }),
    commands: [],
  };
}

/** A compensation succeeded. */
export function compensationSucceeded(state: SagaState, event: Of<"compensation-succeeded">): Transition {
  const { undo } = stepOf(state, event.step);
  if (undo !== "calling") {
    return unexpected(state, `a compensation that is ${undo} does not expect an answer`);
  }
  return { state: withStep(state, event.step, { undo: "done" }), commands: [] };
}

/** An attempt of a compensation failed, or its request could not be built. */
export function compensationFailed(plan: SagaPlan, state: SagaState, event: Of<"compensation-failed">): Transition {
  const { failure, step: at } = event;
  const step = stepOf(state, at);
  const expected = failure.beforeCall ? "due" : "calling";
  if (step.undo !== expected) {
    return unexpected(state, `a compensation that is ${step.undo} can't fail`);
  }
  const { attempt: failed = step.undoAttempts } = event;
  // mutation: compensation-failure-counts-for-its-attempt
  if (failed !== step.undoAttempts) {
    return unexpected(
      state,
      `attempt ${failed} of the compensation failed, but attempt ${step.undoAttempts} is the current one`,
    );
  }
  const attempts = failure.beforeCall ? step.undoAttempts + 1 : step.undoAttempts;
  // mutation: interrupted-compensation-is-no-failure
  const failures = step.undoFailures + 1;
  const policy = planOf(plan, at).compensation?.retry;
  const decision = event.decision ?? decide(step, failure, failures, policy);
  const decided = { ...event, decision };
  if (decision === "undone") {
    return { state: withStep(state, at, { undo: "done" }), commands: [], decided };
  }
  if (decision === "stuck") {
    const stuck = { undo: "stuck", undoAttempts: attempts, undoFailures: failures, failure } as const;
    return { state: withStep(state, at, stuck), commands: [], decided };
  }
  const attempt = attempts + 1;
  return {
    state: withStep(state, at, { undo: "due", undoAttempts: attempts, undoFailures: failures, failure }),
    commands: [{ kind: "compensate", step: at, attempt, waitBoundMs: waitBefore(planOf(plan, at), attempt) }],
    decided,
  };
}

/**
 * The upper bound of the wait before an attempt of a compensation, ms. The first attempt does not wait. Later ones wait
 * after a crash, too: otherwise each restart would call the upstreams for all waiting sagas at once.
 */
function waitBefore({ compensation }: StepPlan, attempt: number): number {
  return attempt === 1 || compensation === undefined ? 0 : backoffBound(compensation.retry, attempt);
}

/**
 * Whether a compensation's failure means that there is nothing to compensate: NOT_FOUND, for a step that did not
 * succeed.
 */
export function saysUndone(step: StepState, failure: Failure): boolean {
  // mutation: not-found-undoes-no-done-step
  return failure.code === Status.NOT_FOUND && !failure.beforeCall && step.status !== "done";
}

function decide(step: StepState, failure: Failure, failures: number, policy: RetryPolicy | undefined): UndoDecision {
  if (saysUndone(step, failure)) {
    return "undone";
  }
  // mutation: compensation-attempts
  return policy === undefined || failures >= policy.maxAttempts ? "stuck" : "retry";
}

/** An operator retried a stuck compensation, with its attempts counted from 0, or declared it done. */
export function operatorActed(state: SagaState, event: Of<"operator-retried" | "operator-skipped">): Transition {
  const { undo } = stepOf(state, event.step);
  if (undo !== "stuck") {
    return unexpected(state, `a compensation that is ${undo} is not stuck`);
  }
  const change = event.kind === "operator-skipped" ? "skipped" : "idle";
  const next = withStep(state, event.step, { undo: change, undoAttempts: 0, undoFailures: 0 });
  return { state: { ...next, phase: "compensating" }, commands: [] };
}
