import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";

/** What is done to one step of a saga, in the order in which the matrix lists it. */
export const faults = [
  "business error",
  "transient then ok",
  "transient for good",
  "timeout before effect",
  "timeout after effect",
  "crash before the call",
  "crash after the call",
  "crash after the journal write",
  "compensation fails once",
  "compensation fails for good",
  "duplicate delivery",
  "late arrival",
] as const;

/** One column of the matrix. */
export type Fault = (typeof faults)[number];

/** Whether the fault ends the server's process. */
export function isCrash(fault: Fault): boolean {
  return fault.startsWith("crash");
}

/** Whether the fault is one of the compensation's. */
export function isOfCompensation(fault: Fault): boolean {
  return fault.startsWith("compensation");
}

/** Why a fault can't come to a step; undefined where it can. */
export function doesNotApply(step: StepDefinition, fault: Fault): string | undefined {
  if (step.compensation !== undefined || !(isOfCompensation(fault) || fault === "late arrival")) {
    return undefined;
  }
  const why = {
    read: "a step without an effect has nothing to undo",
    compensatable: "the step has no compensation",
    pivot: "a pivot is never compensated",
    retriable: "past the pivot nothing is compensated",
  }[step.kind];
  return fault === "late arrival" ? `${why}, so no request can come after its compensation` : why;
}

/** Whether the saga no longer turns back because of what becomes of this step: it is the pivot, or stands after it. */
export function isForwardOnly(facade: FacadeDefinition, step: StepDefinition): boolean {
  return step.kind === "pivot" || isPastPivot(facade, step);
}

/** Whether the step stands after the pivot. */
export function isPastPivot({ steps }: FacadeDefinition, step: StepDefinition): boolean {
  return steps.some(({ kind, group }) => kind === "pivot" && group < step.group);
}

/** How many attempts the policy gives a step before the pivot. */
export function attemptsOf({ idempotent, retry }: StepDefinition): number {
  return idempotent ? retry.maxAttempts : 1;
}

/**
 * How often the matrix has a call fail that is to be made until it succeeds: once more than the policy would allow, to show
 * that it does not count there.
 */
export function beyondPolicy({ retry }: StepDefinition): number {
  return retry.maxAttempts + 1;
}

/**
 * The step that is refused so that a step which is done must be compensated: the first one of the next group. Where there is
 * none, the step's own answers are lost instead, all of them.
 */
export function refusedAfter({ steps }: FacadeDefinition, step: StepDefinition): StepDefinition | undefined {
  return steps.find(({ group }) => group === step.group + 1);
}
