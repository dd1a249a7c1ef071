import type { ListedFacade, PlannedStep } from "../model.js";
import type { Report } from "./report.js";
import { fixIdempotency, isIdempotent, isRead } from "./rpcs.js";
import { isResolved, type ResolvedStep } from "./steps.js";

/** The position of the group with the facade's (first) pivot. Undefined if it has none. */
export function pivotGroup(facade: ListedFacade): number | undefined {
  const position = facade.groups.findIndex((group) => group.steps.some(isPivot));
  return position < 0 ? undefined : position;
}

/** The kind of a step in its facade. */
export function kindOf(step: ResolvedStep, group: number, pivot: number | undefined): PlannedStep["kind"] {
  if (pivot !== undefined && group > pivot) {
    return "retriable";
  }
  if (step.rpc.step?.kind === "pivot") {
    return "pivot";
  }
  return isRead(step.rpc) ? "read" : "compensatable";
}

/** Checks whether each step may be before or after the facade's pivot. */
export function checkPivot(report: Report, facade: ListedFacade): void {
  const owner = facade.rpc.fullName;
  const pivot = pivotGroup(facade);
  const pivots = facade.groups.flatMap((group) => group.steps.filter(isPivot));
  for (const step of pivots.slice(1)) {
    const wrong = `${owner} has a second pivot, ${step.call}, after ${pivots[0]?.call}`;
    report("SAGA_PIVOT_DUPLICATE", step.place, `${wrong}; keep one pivot`);
  }
  for (const [position, group] of facade.groups.entries()) {
    for (const step of group.steps.filter(isResolved)) {
      if (step.rpc.facade || step.rpc.streaming) {
        continue; // Not a step; reported elsewhere.
      }
      if (group.parallel && isPivot(step)) {
        const wrong = `pivot ${step.call} is in a parallel group of ${owner}`;
        report("SAGA_PIVOT_PARALLEL", step.place, `${wrong}; list it as a separate entry`);
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
  const where = `${call} is after the pivot of ${owner}`;
  if (step?.kind === "compensatable") {
    report("SAGA_COMPENSATABLE_AFTER_PIVOT", place, `${where} and has kind compensatable; list it before the pivot`);
  } else if (step && step.compensation !== "") {
    const fix = "list it before the pivot, or remove its compensation";
    report(
      "SAGA_COMPENSATION_UNREACHABLE",
      place,
      `${where}, where nothing is compensated, but names a compensation; ${fix}`,
    );
  }
  if (!isIdempotent(rpc)) {
    const wrong = `${where}, where it is retried until it succeeds, but is not known to be idempotent`;
    report("SAGA_STEP_NOT_RETRIABLE", place, `${wrong}; ${fixIdempotency}, or list it before the pivot`);
  } else if (step?.retry?.maxAttempts === 1) {
    const wrong = `${where}, where it is retried until it succeeds, but has max_attempts: 1`;
    report("SAGA_STEP_NOT_RETRIABLE", step.retry.place, `${wrong}; remove max_attempts, or list it before the pivot`);
  }
}

function checkBeforePivot(report: Report, owner: string, step: ResolvedStep, pivot: number | undefined): void {
  const { rpc, call, place } = step;
  if (rpc.step?.kind === "retriable") {
    const wrong = `${call} has kind retriable, but ${owner} ${pivot === undefined ? "has no pivot" : "lists it before its pivot"}`;
    const fix = pivot === undefined ? "set kind: STEP_KIND_PIVOT on an earlier step" : "list it after the pivot";
    report("SAGA_RETRIABLE_BEFORE_PIVOT", place, `${wrong}; ${fix}`);
  } else if (!isRead(rpc) && !rpc.step?.compensation) {
    const wrong = `step ${rpc.fullName} has no compensation`;
    const fix =
      "name a compensation in (saga.v1.step), or, if the step has no effect, " +
      "set no_effect: true there or option idempotency_level = NO_SIDE_EFFECTS";
    report("SAGA_COMPENSATION_MISSING", rpc.step?.place ?? rpc.place, `${wrong}; ${fix}`);
  }
}

function isPivot(step: { readonly rpc?: ResolvedStep["rpc"] }): boolean {
  return step.rpc?.step?.kind === "pivot";
}
