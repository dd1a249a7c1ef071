import type { ListedFacade, PlannedStep } from "../model.js";
import type { Report } from "./report.js";
import { isIdempotent, isRead, mendIdempotency } from "./rpcs.js";
import { isResolved, type ResolvedStep } from "./steps.js";

/** The position of the group that holds the facade's (first) pivot; undefined where it has none. */
export function pivotGroup(facade: ListedFacade): number | undefined {
  const position = facade.groups.findIndex((group) => group.steps.some(isPivot));
  return position < 0 ? undefined : position;
}

/** The part that a step plays in its facade. */
export function kindOf(step: ResolvedStep, group: number, pivot: number | undefined): PlannedStep["kind"] {
  if (pivot !== undefined && group > pivot) {
    return "retriable";
  }
  if (step.rpc.step?.kind === "pivot") {
    return "pivot";
  }
  return isRead(step.rpc) ? "read" : "compensatable";
}

/** Judges where a facade's steps stand, before or after its pivot, against what they can do. */
export function checkPivot(report: Report, facade: ListedFacade): void {
  const owner = facade.rpc.fullName;
  const pivot = pivotGroup(facade);
  const pivots = facade.groups.flatMap((group) => group.steps.filter(isPivot));
  for (const step of pivots.slice(1)) {
    const wrong = `${owner} has a second pivot, ${step.call}, after ${pivots[0]?.call}`;
    report("SAGA_PIVOT_DUPLICATE", step.place, `${wrong}; a saga has one point of no return, keep one`);
  }
  for (const [position, group] of facade.groups.entries()) {
    for (const step of group.steps.filter(isResolved)) {
      if (step.rpc.facade || step.rpc.streaming) {
        continue; // No step at all, and reported as such.
      }
      if (group.parallel && isPivot(step)) {
        const wrong = `pivot ${step.call} stands in a parallel group of ${owner}`;
        report("SAGA_PIVOT_PARALLEL", step.place, `${wrong}; give it an entry of its own`);
      }
      if (pivot !== undefined && position > pivot && !isPivot(step)) {
        checkAfterPivot(report, owner, step);
      } else if (!isPivot(step)) {
        checkBeforePivot(report, owner, step, pivot);
      }
    }
  }
}

function checkAfterPivot(report: Report, owner: string, { rpc, call, place }: ResolvedStep): void {
  const { step } = rpc;
  const where = `${call} stands after the pivot of ${owner}`;
  if (step?.kind === "compensatable") {
    report("SAGA_COMPENSATABLE_AFTER_PIVOT", place, `${where} and is of kind compensatable; list it before the pivot`);
  } else if (step && step.compensation !== "") {
    const mend = "list it before the pivot, or remove its compensation";
    report(
      "SAGA_COMPENSATION_UNREACHABLE",
      place,
      `${where}, where nothing is undone, and names a compensation; ${mend}`,
    );
  }
  if (!isIdempotent(rpc)) {
    const wrong = `${where}, where it is retried until it succeeds, and isn't known idempotent`;
    report("SAGA_STEP_NOT_RETRIABLE", place, `${wrong}; ${mendIdempotency}, or list it before the pivot`);
  } else if (step?.retry?.maxAttempts === 1) {
    const wrong = `${where}, where it is retried until it succeeds, and says max_attempts: 1`;
    report("SAGA_STEP_NOT_RETRIABLE", step.retry.place, `${wrong}; remove max_attempts, or list it before the pivot`);
  }
}

function checkBeforePivot(report: Report, owner: string, step: ResolvedStep, pivot: number | undefined): void {
  const { rpc, call, place } = step;
  if (rpc.step?.kind === "retriable") {
    const wrong = `${call} is of kind retriable and ${owner} ${pivot === undefined ? "has no pivot" : "lists it before its pivot"}`;
    const mend = pivot === undefined ? "give an earlier step kind: STEP_KIND_PIVOT" : "list it after the pivot";
    report("SAGA_RETRIABLE_BEFORE_PIVOT", place, `${wrong}; ${mend}`);
  } else if (!isRead(rpc) && !rpc.step?.compensation) {
    const wrong = `step ${rpc.fullName} has nothing that undoes it`;
    const mend =
      "name its compensation in (saga.v1.step), or, if there is nothing to undo, " +
      "say no_effect: true there or option idempotency_level = NO_SIDE_EFFECTS";
    report("SAGA_COMPENSATION_MISSING", rpc.step?.place ?? rpc.place, `${wrong}; ${mend}`);
  }
}

function isPivot(step: { readonly rpc?: ResolvedStep["rpc"] }): boolean {
  return step.rpc?.step?.kind === "pivot";
}
