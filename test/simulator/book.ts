import type { Failure, SagaEvent } from "../../runtime/core/event.js";
import { isOutcomeUnknown } from "../../runtime/core/status.js";
import type { FacadeDefinition, StepDefinition } from "../../runtime/facade/definition.js";

/** Says that something that must hold does not. */
export type Violate = (invariant: string, what: string) => void;

/** What a saga's durable events say of a step. Kept without the state machine's help, so as to judge it. */
export interface StepBook {
  readonly step: StepDefinition;
  /** How often its call was allowed to leave, durably. */
  intents: number;
  lastAttempt: number;
  sent: Uint8Array | undefined;
  status: "idle" | "calling" | "done" | "refused" | "unknown";
  /** Some attempt's outcome never became known. */
  inDoubt: boolean;
  lastFailure: Failure | undefined;
  /** Attempts that failed. One that a restart cut off has not. */
  failures: number;
  /** What an operator has done, durably, and whether that was to declare the compensation done. */
  acts: number;
  skipped: boolean;
  undo: "idle" | "calling" | "failed" | "undone" | "stuck";
  undoIntents: number;
  undoSent: Uint8Array | undefined;
  /** Failed attempts to undo since the last time that they were counted anew. */
  undoFailures: number;
  /** How many calls have left. */
  left: number;
  undoLeft: number;
}

/** What a saga's durable events say. */
export interface SagaBook {
  readonly id: string;
  readonly facade: FacadeDefinition;
  readonly steps: readonly StepBook[];
  deadlineAtMs: number | undefined;
  /** Whether something has happened that turns it back, and what. */
  turnedBack: SagaEvent | undefined;
  responded: boolean;
  respondFailed: boolean;
  rollbackDelivered: boolean;
  entries: number;
  /** How often the message of its end was stored. */
  endsTold: number;
}

/** Opens the book of a saga. */
export function openBook(id: string, facade: FacadeDefinition): SagaBook {
  return {
    id,
    facade,
    steps: facade.steps.map((step) => ({
      step,
      intents: 0,
      lastAttempt: 0,
      sent: undefined,
      status: "idle",
      inDoubt: false,
      lastFailure: undefined,
      failures: 0,
      acts: 0,
      skipped: false,
      undo: "idle",
      undoIntents: 0,
      undoSent: undefined,
      undoFailures: 0,
      left: 0,
      undoLeft: 0,
    })),
    deadlineAtMs: undefined,
    turnedBack: undefined,
    responded: false,
    respondFailed: false,
    rollbackDelivered: false,
    entries: 0,
    endsTold: 0,
  };
}

/** Whether the pivot has succeeded. */
export function isCommitted({ steps }: SagaBook): boolean {
  return steps.some(({ step, status }) => step.kind === "pivot" && status === "done");
}

/** Whether the pivot may have taken effect without our knowing. */
export function isInDoubt({ steps }: SagaBook): boolean {
  return steps.some(
    ({ step, status, lastFailure }) =>
      step.kind === "pivot" &&
      (status === "calling" || (status === "unknown" && isOutcomeUnknown(lastFailure?.code ?? 2))),
  );
}

/** Whether a step has to be undone before its saga counts as compensated. */
export function mustUndo({ step, status, inDoubt, sent }: StepBook): boolean {
  if (step.kind !== "compensatable" || sent === undefined) {
    return false;
  }
  return status === "done" || status === "calling" || inDoubt || (status === "refused" && step.compensateOnFailure);
}

/** Writes an event into the book. */
export function enter(book: SagaBook, event: SagaEvent): void {
  const step = "step" in event ? book.steps[event.step] : undefined;
  switch (event.kind) {
    case "started":
      book.deadlineAtMs = event.deadlineAtMs;
      return;
    case "recovered":
      recovered(book);
      return;
    case "deadline-passed":
      book.turnedBack ??= event;
      return;
    case "responded":
      book.responded = true;
      return;
    case "respond-failed":
      book.respondFailed = true;
      book.turnedBack ??= isCommitted(book) ? undefined : event;
      return;
    case "rollback-delivered":
      book.rollbackDelivered = true;
      return;
    case "step-delivered":
      return;
  }
  if (step === undefined) {
    return;
  }
  switch (event.kind) {
    case "step-called":
      step.intents++;
      step.lastAttempt = event.attempt;
      step.sent ??= event.sent;
      step.status = "calling";
      return;
    case "step-succeeded":
      step.status = "done";
      return;
    case "step-failed":
      stepFailed(book, step, event);
      return;
    case "compensation-called":
      step.undo = "calling";
      step.undoIntents++;
      step.undoSent ??= event.sent;
      return;
    case "compensation-succeeded":
      step.undo = "undone";
      return;
    case "operator-skipped":
      step.undo = "undone";
      step.acts++;
      step.skipped = true;
      return;
    case "compensation-failed":
      step.undoFailures++;
      step.undo = event.decision === "undone" ? "undone" : event.decision === "stuck" ? "stuck" : "failed";
      return;
    case "operator-retried":
      step.undo = "idle";
      step.undoFailures = 0;
      step.acts++;
      return;
  }
}

function stepFailed(book: SagaBook, step: StepBook, event: Extract<SagaEvent, { kind: "step-failed" }>): void {
  const { failure, decision } = event;
  step.lastFailure = failure;
  step.failures++;
  if (!failure.beforeCall) {
    const lost = isOutcomeUnknown(failure.code);
    step.inDoubt ||= lost;
    step.status = lost || (step.inDoubt && step.step.kind !== "pivot") ? "unknown" : "refused";
  }
  if (decision !== "retry") {
    book.turnedBack ??= event;
  }
}

function recovered(book: SagaBook): void {
  const lost = book.steps.some(({ status, step }) => status === "calling" && !step.idempotent);
  if (!isCommitted(book) && !isInDoubt(book) && (book.facade.recovery === "roll-back" || lost)) {
    book.turnedBack ??= { kind: "recovered" };
  }
  for (const step of book.steps) {
    if (step.status === "calling") {
      step.status = "unknown";
      step.inDoubt = true;
      step.lastFailure = undefined;
    }
    if (step.undo === "calling") {
      step.undo = "idle";
    }
  }
}
