import type { ListedFacade, PlannedFacade } from "../model.js";
import { alignSteps, type Pair } from "./align-steps.js";
import type { Report } from "./report.js";
import { compareStep, fixBreak } from "./step-breaks.js";

/**
 * Reports changes of a facade's structure: of everything in its fingerprint, so that fingerprints differ if and only if
 * there is a report.
 */
export function compareFacades(report: Report, old: PlannedFacade, now: PlannedFacade, listed: ListedFacade): void {
  const { fullName, place } = now.rpc;
  if (old.mode !== now.mode) {
    const wrong = `${fullName} had mode ${old.mode} and has mode ${now.mode} now`;
    report("SAGA_BREAK_MODE", listed.place, `${wrong}; ${fixBreak}`);
  } else if (old.recovery !== now.recovery) {
    const wrong = `the recovery of ${fullName} was ${old.recovery} and is ${now.recovery} now`;
    report("SAGA_BREAK_POLICY", listed.place, `${wrong}; ${fixBreak}`);
  }
  for (const [role, was, is] of [
    ["request", old.rpc.input.fullName, now.rpc.input.fullName],
    ["response", old.rpc.output.fullName, now.rpc.output.fullName],
  ] as const) {
    if (was !== is) {
      report("SAGA_BREAK_TYPE", place, `the ${role} of ${fullName} was ${was} and is ${is} now; ${fixBreak}`);
    }
  }
  const { pairs, removed, inserted } = alignSteps(old, now, listed);
  for (const { name, rpc } of removed) {
    const wrong = `${fullName} no longer has the step ${name}, which called ${rpc.fullName}`;
    report("SAGA_BREAK_STEP_REMOVED", listed.place, `${wrong}; ${fixBreak}`);
  }
  for (const { step, place } of inserted) {
    report("SAGA_BREAK_STEP_INSERTED", place, `${fullName} has a new step ${step.name}; ${fixBreak}`);
  }
  const moved = compareOrder(report, fullName, pairs);
  compareGroups(report, fullName, pairs);
  const pivotMoved = comparePivots(report, fullName, pairs, old, now, listed);
  for (const pair of pairs) {
    compareStep(report, fullName, pair, !moved && !pivotMoved);
  }
}

/** @param pairs in the current order @returns whether the order has changed */
function compareOrder(report: Report, facade: string, pairs: readonly Pair[]): boolean {
  const before = [...pairs].sort((one, other) => one.oldAt - other.oldAt);
  const first = pairs.find((pair, at) => pair !== before[at]);
  if (first === undefined) {
    return false;
  }
  const [was, is] = [before, pairs].map((order) => order.map(({ now }) => now.name).join(", "));
  const wrong = `the steps of ${facade} had the order ${was} and have the order ${is} now`;
  report("SAGA_BREAK_STEP_REORDERED", first.place, `${wrong}; ${fixBreak}`);
  return true;
}

function compareGroups(report: Report, facade: string, pairs: readonly Pair[]): void {
  for (const [at, pair] of pairs.entries()) {
    const before = pairs[at - 1];
    const together = before?.now.group === pair.now.group;
    if (before !== undefined && together !== (before.old.group === pair.old.group)) {
      const both = `${before.now.name} and ${pair.now.name} of ${facade}`;
      const [was, is] = together
        ? ["one after the other", "at the same time"]
        : ["at the same time", "one after the other"];
      report("SAGA_BREAK_PARALLEL", pair.place, `${both} ran ${was} and run ${is} now; ${fixBreak}`);
    }
  }
}

function comparePivots(
  report: Report,
  facade: string,
  pairs: readonly Pair[],
  old: PlannedFacade,
  now: PlannedFacade,
  listed: ListedFacade,
): boolean {
  const [was, is] = [old, now].map(({ steps }) => steps.find(({ kind }) => kind === "pivot"));
  const same = was === is || pairs.some((pair) => pair.old === was && pair.now === is);
  if (same) {
    return false;
  }
  const wrong =
    was === undefined
      ? `${facade} had no pivot, and its pivot is ${is?.name} now`
      : is === undefined
        ? `${facade} no longer has its pivot ${was.name}`
        : `the pivot of ${facade} was ${was.name} and is ${is.name} now`;
  const place = is?.rpc.step?.kindPlace ?? is?.rpc.step?.place ?? listed.place;
  report("SAGA_BREAK_PIVOT", place, `${wrong}; ${fixBreak}`);
  return true;
}
