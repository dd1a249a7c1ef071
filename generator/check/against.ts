import type { ListedFacade, Rpc, SagaModel } from "../model.js";
import { compareFacades } from "./facade-breaks.js";
import { planFacade } from "./plan.js";
import type { Report } from "./report.js";
import { isResolved } from "./steps.js";
import { compareTopics } from "./topic-breaks.js";

/** Reports changes of the protos that break open sagas. */
export function checkAgainst(report: Report, before: SagaModel, model: SagaModel): void {
  const now = new Map(facadesOf(model).map((facade) => [facade.rpc.fullName, facade]));
  for (const old of facadesOf(before)) {
    const listed = now.get(old.rpc.fullName);
    if (listed === undefined) {
      checkGone(report, old.rpc, model);
    } else if (listed.groups.every(({ steps }) => steps.every(isResolved))) {
      // An unknown RPC of a step is reported elsewhere. Other changes can't be detected until it is fixed.
      compareFacades(report, planFacade(old), planFacade(listed), listed);
    }
  }
  compareTopics(report, facadesOf(before), facadesOf(model));
}

function facadesOf(model: SagaModel): readonly ListedFacade[] {
  return model.services.flatMap(({ facades }) => facades);
}

function checkGone(report: Report, old: Rpc, model: SagaModel): void {
  if (model.rpcNames.includes(old.fullName) && !model.files.includes(old.file.path)) {
    return; // It exists in a file that this run doesn't generate.
  }
  const left = model.services.flatMap(({ others }) => others).find(({ fullName }) => fullName === old.fullName);
  const place = left?.place ?? { path: old.file.path, line: 1, column: 1 };
  const wrong = `the facade ${old.fullName} was removed, so its open sagas can't run`;
  report("SAGA_BREAK_FACADE_GONE", place, `${wrong}; keep it until it has no open sagas`);
}
