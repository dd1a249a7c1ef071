import type { ListedFacade, PlannedFacade } from "../model.js";
import { alignSteps, type Pair } from "./align-steps.js";
import type { Report } from "./report.js";
import { compareStep, mendBreak } from "./step-breaks.js";

/**
 * Reports how a facade's structure has changed: all that is part of its fingerprint, so that the two differ if and only if
 * something is reported.
 */
export function compareFacades(report: Report, old: PlannedFacade, now: PlannedFacade, listed: ListedFacade): void {
  const { fullName, place } = now.rpc;
  if (old.mode !== now.mode) {
    const wrong = `${fullName} was of mode ${old.mode} and is of mode ${now.mode} now`;
    report("SAGA_BREAK_MODE", listed.place, `${wrong}; ${mendBreak}`);
  } else if (old.recovery !== now.recovery) {
    const wrong = `the recovery of ${fullName} was ${old.recovery} and is ${now.recovery} now`;
    report("SAGA_BREAK_POLICY", listed.place, `${wrong}; ${mendBreak}`);
  }
  for (const [role, was, is] of [
    ["request", old.rpc.input.fullName, now.rpc.input.fullName],
    ["response", old.rpc.output.fullName, now.rpc.output.fullName],
  ] as const) {
    if (was !== is) {
      report("SAGA_BREAK_TYPE", place, `the ${role} of ${fullName} was ${was} and is ${is} now; ${mendBreak}`);
    }
  }
  const { pairs, removed, inserted } = alignSteps(old, now, listed);
  for (const { name, rpc } of removed) {
    const wrong = `${fullName} has no step ${name} any more, which called ${rpc.fullName}`;
    report("SAGA_BREAK_STEP_REMOVED", listed.place, `${wrong}; ${mendBreak}`);
  }
  for (const { step, place } of inserted) {
    report("SAGA_BREAK_STEP_INSERTED", place, `${fullName} has a new step ${step.name}; ${mendBreak}`);
  }
  const moved = compareOrder(report, fullName, pairs);
  compareGroups(report, fullName, pairs);
  const pivotMoved = comparePivots(report, fullName, pairs, old, now, listed);
  for (const pair of pairs) {
    compareStep(report, fullName, pair, !moved && !pivotMoved);
  }
}

/** @param pairs in the present order @returns whether it is another than it was */
function compareOrder(report: Report, facade: string, pairs: readonly Pair[]): boolean {
  const before = [...pairs].sort((one, other) => one.oldAt - other.oldAt);
  const first = pairs.find((pair, at) => pair !== before[at]);
  if (first === undefined) {
    return false;
  }
  const [was, is] = [before, pairs].map((order) => order.map(({ now }) => now.name).join(", "));
  const wrong = `the steps of ${facade} stood in the order ${was} and stand in the order ${is} now`;
  report("SAGA_BREAK_STEP_REORDERED", first.place, `${wrong}; ${mendBreak}`);
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
      report("SAGA_BREAK_PARALLEL", pair.place, `${both} ran ${was} and run ${is} now; ${mendBreak}`);
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
      ? `${facade} had no pivot, and ${is?.name} is its pivot now`
      : is === undefined
        ? `${facade} has no pivot any more, it was ${was.name}`
        : `the pivot of ${facade} was ${was.name} and is ${is.name} now`;
  const place = is?.rpc.step?.kindPlace ?? is?.rpc.step?.place ?? listed.place;
  report("SAGA_BREAK_PIVOT", place, `${wrong}; ${mendBreak}`);
  return true;
}
