import type { Failure } from "./event.js";
import type { SagaPlan, StepPlan } from "./plan.js";

/**
 * Where a step's call stands. "queued": a message on its topic asks for it. "due": commanded, waiting or being built.
 * "failed": definitely refused. "unknown": the policy is used up and the outcome never became known.
 */
export type StepStatus = "idle" | "queued" | "due" | "calling" | "done" | "failed" | "unknown";

/** Where a step's compensation stands. "stuck": the policy is used up. "skipped": an operator declared it done. */
export type UndoStatus = "idle" | "due" | "calling" | "done" | "stuck" | "skipped";

/** One step of a saga. */
export interface StepState {
  readonly status: StepStatus;
  /** Attempts of the call so far. */
  readonly attempts: number;
  /** Attempts that failed: what the policy bounds. One that a crash cut off is none of the upstream's failures. */
  readonly failures: number;
  readonly sent: Uint8Array | undefined;
  readonly received: Uint8Array | undefined;
  /** Some attempt's outcome never became known: a later refusal does not say that none took effect. */
  readonly inDoubt: boolean;
  /** The last attempt's failure, in either direction. */
  readonly failure: Failure | undefined;
  readonly undo: UndoStatus;
  /** Attempts of the compensation so far, counted on their own. */
  readonly undoAttempts: number;
  readonly undoFailures: number;
  readonly undoSent: Uint8Array | undefined;
}

/** Why a saga is rolled back, or why a completed one has no response. */
export interface SagaFailure extends Failure {
  /** Position of the step that failed; undefined where it was none. */
  readonly step: number | undefined;
}

/** The phases "completed", "compensated" and "stuck" are the end states. */
export type Phase = "new" | "running" | "rollback-queued" | "compensating" | "completed" | "compensated" | "stuck";

/** All that is known of a saga: the fold of its events. */
export interface SagaState {
  readonly phase: Phase;
  readonly steps: readonly StepState[];
  readonly deadlineAtMs: number | undefined;
  readonly traceparent: string;
  readonly response: Uint8Array | undefined;
  readonly failure: SagaFailure | undefined;
}

const idle: StepState = {
  status: "idle",
  attempts: 0,
  failures: 0,
  sent: undefined,
  received: undefined,
  inDoubt: false,
  failure: undefined,
  undo: "idle",
  undoAttempts: 0,
  undoFailures: 0,
  undoSent: undefined,
};

/** The state before the first event. */
export function initialState(plan: SagaPlan): SagaState {
  return {
    phase: "new",
    steps: plan.steps.map(() => idle),
    deadlineAtMs: undefined,
    traceparent: "",
    response: undefined,
    failure: undefined,
  };
}

/** Whether nothing moves the saga any more; "stuck" moves on only by an operator's hand. */
export function hasEnded(state: SagaState): boolean {
  return state.phase === "completed" || state.phase === "compensated" || state.phase === "stuck";
}

/** Whether a message on the step's topic is still wanted. */
export function isQueued(state: SagaState, step: number): boolean {
  return state.phase === "running" && stepOf(state, step).status === "queued";
}

/** Whether the step is to be, or is being, called. */
export function isUnderWay({ status }: StepState): boolean {
  return status === "queued" || status === "due" || status === "calling";
}

/** Whether the engine may still make the call that it was commanded to make. */
export function mayCall(state: SagaState, step: number): boolean {
  return state.phase === "running" && stepOf(state, step).status === "due";
}

/** Whether the engine may still make the compensation's call that it was commanded to make. */
export function mayCompensate(state: SagaState, step: number): boolean {
  return state.phase === "compensating" && stepOf(state, step).undo === "due";
}

/** Whether the pivot has succeeded: from then on the saga only goes forward. */
export function isPastPivot(plan: SagaPlan, state: SagaState): boolean {
  return plan.steps.some((step, at) => step.kind === "pivot" && stepOf(state, at).status === "done");
}

/** Whether the pivot may have taken effect without our knowing: neither direction is safe until that is known. */
export function isPivotInDoubt(plan: SagaPlan, state: SagaState): boolean {
  return plan.steps.some((step, at) => {
    const { status, attempts } = stepOf(state, at);
    // mutation: queued-pivot-is-in-doubt
    const again = (status === "due" || status === "queued") && attempts > 0;
    return step.kind === "pivot" && (status === "calling" || again);
  });
}

/** Whether the step must be undone before the saga counts as compensated. */
export function needsUndo(plan: StepPlan, step: StepState): boolean {
  if (plan.compensation === undefined || step.undo === "done" || step.undo === "skipped") {
    return false;
  }
  const refused = step.status === "failed" && step.sent !== undefined;
  // mutation: compensate-unknown-steps
  return step.status === "done" || step.status === "unknown" || (refused && plan.compensateOnFailure);
}

/** A step's state. @throws RangeError where the facade has no such step */
export function stepOf(state: SagaState, at: number): StepState {
  const step = state.steps[at];
  if (step === undefined) {
    throw new RangeError(`no step at position ${at}`);
  }
  return step;
}

/** A step's plan. @throws RangeError where the facade has no such step */
export function planOf(plan: SagaPlan, at: number): StepPlan {
  const step = plan.steps[at];
  if (step === undefined) {
    throw new RangeError(`no step at position ${at}`);
  }
  return step;
}

/** The state with one step changed. */
export function withStep(state: SagaState, at: number, change: Partial<StepState>): SagaState {
  const steps = state.steps.slice();
  steps[at] = { ...stepOf(state, at), ...change };
  return { ...state, steps };
}
