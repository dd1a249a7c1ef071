import type { ListedFacade, ListedStep, Place, Rpc, Service } from "../model.js";
import type { Report } from "./report.js";
import { isReservedStepName } from "./reserved.js";
import { lowerCamelCase } from "./words.js";

/** A step's name, as written or derived. Undefined if it has none and its RPC is unknown. */
export function stepName(step: ListedStep): string | undefined {
  return step.name || (step.rpc && lowerCamelCase(step.rpc.name)) || undefined;
}

/** Checks the names of a facade's steps. */
export function checkStepNames(report: Report, facade: ListedFacade): void {
  const owner = facade.rpc.fullName;
  const seen = new Set<string>();
  for (const step of facade.groups.flatMap((group) => group.steps)) {
    const name = stepName(step);
    if (name === undefined) {
      continue;
    }
    if (isReservedStepName(name)) {
      const fix = `set another name, like "${name}Step"`;
      report("SAGA_STEP_NAME_RESERVED", step.place, `a step of ${owner} can't be named ${name}; ${fix}`);
    } else if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
      const wrong = `step name "${name}" of ${owner} is not in lowerCamelCase`;
      report("SAGA_STEP_NAME_INVALID", step.place, `${wrong}; ${suggest(lowerCamelCase(name))}`);
    } else if (seen.has(name)) {
      const wrong = `${owner} has two steps named ${name}`;
      report("SAGA_STEP_NAME_DUPLICATE", step.place, `${wrong}; rename one of them`);
    }
    seen.add(name);
  }
}

/** Checks the names of a service's RPCs in generated code. */
export function checkRpcNames(report: Report, service: Service): void {
  const rpcs = [
    ...service.others.map((rpc) => ({ rpc, place: rpc.place })),
    ...service.facades.map((facade) => ({ rpc: facade.rpc, place: facade.rpc.place })),
  ].sort((a, b) => order(a.place, b.place));
  const seen = new Map<string, Rpc>();
  for (const { rpc, place } of rpcs) {
    const name = lowerCamelCase(rpc.name);
    const earlier = seen.get(name);
    if (earlier) {
      const wrong = `${service.fullName}'s ${earlier.name} and ${rpc.name} are both named ${name} in generated code`;
      report("SAGA_FACADE_NAME_DUPLICATE", place, `${wrong}; rename one of them`);
    }
    seen.set(name, earlier ?? rpc);
  }
}

function suggest(name: string): string {
  return /^[a-z]/.test(name) ? `rename it to ${name}` : "start it with a lower-case letter";
}

function order(a: Place, b: Place): number {
  return a.line - b.line || a.column - b.column;
}
