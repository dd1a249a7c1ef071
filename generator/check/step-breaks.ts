import type { PlannedStep } from "../model.js";
import type { Pair } from "./align-steps.js";
import type { Report } from "./report.js";

/** The fix for a break. */
export const fixBreak = "revert the change, and make it in a new facade with another name";

/** Reports changes of a step. @param kinds whether to compare kinds, which also depend on the position of the pivot */
export function compareStep(report: Report, facade: string, { old, now, place }: Pair, kinds: boolean): void {
  const { rpc, name } = now;
  const step = `step ${name} of ${facade}`;
  if (old.name !== name) {
    const why = "and idempotency keys contain the name";
    report("SAGA_BREAK_STEP_RENAMED", place, `${step} was named ${old.name}, ${why}; set its name to "${old.name}"`);
  }
  if (old.rpc.path !== rpc.path) {
    const wrong = `${step} called ${old.rpc.fullName} and calls ${rpc.fullName} now`;
    report("SAGA_BREAK_STEP_CALL", place, `${wrong}; ${fixBreak}`);
    return; // Everything else belongs to the other RPC.
  }
  for (const [role, was, is] of [
    ["request", old.rpc.input.fullName, rpc.input.fullName],
    ["response", old.rpc.output.fullName, rpc.output.fullName],
  ] as const) {
    if (was !== is) {
      const wrong = `the ${role} of ${rpc.fullName}, ${step}, was ${was} and is ${is} now`;
      report("SAGA_BREAK_TYPE", rpc.place, `${wrong}; ${fixBreak}`);
    }
  }
  if (old.idempotent !== now.idempotent) {
    const wrong = `${rpc.fullName}, ${step}, was ${known(old)} and is ${known(now)} now`;
    report("SAGA_BREAK_POLICY", rpc.place, `${wrong}; ${fixBreak}`);
  }
  if (old.compensateOnFailure !== now.compensateOnFailure) {
    const wrong = `compensate_on_failure of ${rpc.fullName}, ${step}, was ${old.compensateOnFailure} and is ${now.compensateOnFailure} now`;
    report("SAGA_BREAK_POLICY", rpc.step?.place ?? rpc.place, `${wrong}; ${fixBreak}`);
  }
  const [was, is] = [undoneBy(old), undoneBy(now)];
  if (was !== is) {
    const wrong = `the compensation of ${step} was ${was} and is ${is} now`;
    report("SAGA_BREAK_COMPENSATION", rpc.step?.compensationPlace ?? rpc.place, `${wrong}; ${fixBreak}`);
  } else if (kinds && old.kind !== now.kind) {
    const wrong = `${step} had kind ${old.kind} and has kind ${now.kind} now`;
    report("SAGA_BREAK_POLICY", rpc.step?.place ?? rpc.place, `${wrong}; ${fixBreak}`);
  }
}

function known({ idempotent }: PlannedStep): string {
  return idempotent ? "known to be idempotent" : "not known to be idempotent";
}

function undoneBy({ compensation }: PlannedStep): string {
  return compensation === undefined ? "nothing" : `${compensation.rpc.fullName}(${compensation.rpc.input.fullName})`;
}
