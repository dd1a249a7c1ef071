import type { PlannedStep } from "../model.js";
import type { Pair } from "./align-steps.js";
import type { Report } from "./report.js";

/** What to do about a break. */
export const mendBreak = "leave it, and put the change into a facade of a new name beside it";

/** Reports how a step has changed. @param kinds whether its kind tells of itself, and not of where it or the pivot stands */
export function compareStep(report: Report, facade: string, { old, now, place }: Pair, kinds: boolean): void {
  const { rpc, name } = now;
  const step = `step ${name} of ${facade}`;
  if (old.name !== name) {
    const why = "and upstreams know its calls by its name";
    report("SAGA_BREAK_STEP_RENAMED", place, `${step} was named ${old.name}, ${why}; give it that name: "${old.name}"`);
  }
  if (old.rpc.path !== rpc.path) {
    const wrong = `${step} called ${old.rpc.fullName} and calls ${rpc.fullName} now`;
    report("SAGA_BREAK_STEP_CALL", place, `${wrong}; ${mendBreak}`);
    return; // All else is another RPC's.
  }
  for (const [role, was, is] of [
    ["request", old.rpc.input.fullName, rpc.input.fullName],
    ["response", old.rpc.output.fullName, rpc.output.fullName],
  ] as const) {
    if (was !== is) {
      const wrong = `the ${role} of ${rpc.fullName}, ${step}, was ${was} and is ${is} now`;
      report("SAGA_BREAK_TYPE", rpc.place, `${wrong}; ${mendBreak}`);
    }
  }
  if (old.idempotent !== now.idempotent) {
    const wrong = `${rpc.fullName}, ${step}, was ${known(old)} and is ${known(now)} now`;
    report("SAGA_BREAK_POLICY", rpc.place, `${wrong}; ${mendBreak}`);
  }
  if (old.compensateOnFailure !== now.compensateOnFailure) {
    const wrong = `compensate_on_failure of ${rpc.fullName}, ${step}, was ${old.compensateOnFailure} and is ${now.compensateOnFailure} now`;
    report("SAGA_BREAK_POLICY", rpc.step?.place ?? rpc.place, `${wrong}; ${mendBreak}`);
  }
  const [was, is] = [undoneBy(old), undoneBy(now)];
  if (was !== is) {
    const wrong = `${step} was undone by ${was} and is undone by ${is} now`;
    report("SAGA_BREAK_COMPENSATION", rpc.step?.compensationPlace ?? rpc.place, `${wrong}; ${mendBreak}`);
  } else if (kinds && old.kind !== now.kind) {
    const wrong = `${step} was of kind ${old.kind} and is of kind ${now.kind} now`;
    report("SAGA_BREAK_POLICY", rpc.step?.place ?? rpc.place, `${wrong}; ${mendBreak}`);
  }
}

function known({ idempotent }: PlannedStep): string {
  return idempotent ? "known idempotent" : "not known idempotent";
}

function undoneBy({ compensation }: PlannedStep): string {
  return compensation === undefined ? "nothing" : `${compensation.rpc.fullName}(${compensation.rpc.input.fullName})`;
}
