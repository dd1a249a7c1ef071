import type { Command, Failure, SagaEvent } from "./event.js";
import type { SagaPlan, StepPlan } from "./plan.js";

/**
 * The status of a step's call. "queued": waits for the message on its topic. "due": waits for its next attempt, or its
 * request is being built. "failed": failed definitely. "unknown": the attempts are used up, and the outcome is unknown.
 */
export type StepStatus = "idle" | "queued" | "due" | "calling" | "done" | "failed" | "unknown";

/** The status of a step's compensation. "stuck": its attempts are used up. "skipped": an operator declared it done. */
export type UndoStatus = "idle" | "due" | "calling" | "done" | "stuck" | "skipped";

/** One step of a saga. */
export interface StepState {
  readonly status: StepStatus;
  /** The number of attempts so far. */
  readonly attempts: number;
  /**
   * The number of failed attempts, which the retry policy limits. An attempt that a crash interrupted does not count.
   */
  readonly failures: number;
  readonly sent: Uint8Array | undefined;
  readonly received: Uint8Array | undefined;
  /**
   * Whether an attempt's outcome is unknown. Then a later definite failure does not mean that no attempt took effect.
   */
  readonly inDoubt: boolean;
  /** The failure of the last attempt of the step or of its compensation. */
  readonly failure: Failure | undefined;
  readonly undo: UndoStatus;
  /** The number of attempts of the compensation so far. */
  readonly undoAttempts: number;
  readonly undoFailures: number;
  readonly undoSent: Uint8Array | undefined;
}

/** Why a saga is rolled back, or why a completed one has no response. */
export interface SagaFailure extends Failure {
  /** The position of the failed step; undefined if no step failed. */
  readonly step: number | undefined;
}

/** The phase of a saga. "completed", "compensated" and "stuck" are end states. */
export type Phase = "new" | "running" | "rollback-queued" | "compensating" | "completed" | "compensated" | "stuck";

/** The state of a saga: the fold of its events. */
export interface SagaState {
  readonly phase: Phase;
  readonly steps: readonly StepState[];
  readonly deadlineAtMs: number | undefined;
  readonly traceparent: string;
  readonly response: Uint8Array | undefined;
  readonly failure: SagaFailure | undefined;
}

/** What follows from an event. */
export interface Transition {
  readonly state: SagaState;
  readonly commands: readonly Command[];
  /** The event with the decision on it, for the journal. Absent if there was nothing to decide. */
  readonly decided?: SagaEvent;
  /**
   * Set if the state machine did not expect the event: the verdict. The state is unchanged, and there are no commands.
   */
  readonly unexpected?: string;
}

/** The transition of an event that changes nothing, with the verdict to record. */
export function unexpected(state: SagaState, verdict: string): Transition {
  return { state, commands: [], unexpected: verdict };
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

/** Whether the saga has ended. A stuck saga continues only after an operator's act. */
export function hasEnded(state: SagaState): boolean {
  return state.phase === "completed" || state.phase === "compensated" || state.phase === "stuck";
}

/** Whether the step waits for the message on its topic. */
export function isQueued(state: SagaState, step: number): boolean {
  return state.phase === "running" && stepOf(state, step).status === "queued";
}

/** Whether the step waits for its call, or is being called. */
export function isUnderWay({ status }: StepState): boolean {
  return status === "queued" || status === "due" || status === "calling";
}

/** Whether the engine may still make the step's call. */
export function mayCall(state: SagaState, step: number): boolean {
  return state.phase === "running" && stepOf(state, step).status === "due";
}

/** Whether the engine may still make the compensation's call. */
export function mayCompensate(state: SagaState, step: number): boolean {
  return state.phase === "compensating" && stepOf(state, step).undo === "due";
}

/** Whether the pivot has succeeded. From then on the saga only goes forward. */
export function isPastPivot(plan: SagaPlan, state: SagaState): boolean {
  return plan.steps.some((step, at) => step.kind === "pivot" && stepOf(state, at).status === "done");
}

/** Whether the pivot may have taken effect. Until the outcome is known, the saga can go neither forward nor back. */
export function isPivotInDoubt(plan: SagaPlan, state: SagaState): boolean {
  return plan.steps.some((step, at) => {
    const { status, attempts } = stepOf(state, at);
    // mutation: queued-pivot-is-in-doubt
    const again = (status === "due" || status === "queued") && attempts > 0;
    return step.kind === "pivot" && (status === "calling" || again);
  });
}

/** Whether the step must be compensated before the saga is COMPENSATED. */
export function needsUndo(plan: StepPlan, step: StepState): boolean {
  if (plan.compensation === undefined || step.undo === "done" || step.undo === "skipped") {
    return false;
  }
  const refused = step.status === "failed" && step.sent !== undefined;
  // mutation: compensate-unknown-steps
  return step.status === "done" || step.status === "unknown" || (refused && plan.compensateOnFailure);
}

/** A step's state. @throws RangeError if the facade has no such step */
export function stepOf(state: SagaState, at: number): StepState {
  const step = state.steps[at];
  if (step === undefined) {
    throw new RangeError(`no step at position ${at}`);
  }
  return step;
}

/** A step's plan. @throws RangeError if the facade has no such step */
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
