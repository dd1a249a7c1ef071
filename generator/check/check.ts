import type { Diagnostic, ListedFacade, Plan, SagaModel } from "../model.js";
import { checkAgainst } from "./against.js";
import { checkDeadline } from "./deadline.js";
import { checkDuration } from "./durations.js";
import { checkRpcNames, checkStepNames } from "./names.js";
import { checkPivot } from "./pivot.js";
import { planFacade } from "./plan.js";
import { collectReports, type Report } from "./report.js";
import { checkRpcs } from "./rpcs.js";
import { checkSteps } from "./steps.js";
import { checkTopics } from "./topics.js";

/** The result of `check`. */
export interface Checked {
  /** All violated rules, sorted by file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  /** What to generate. Absent if there are errors. */
  readonly plan?: Plan;
}

/**
 * Checks a model by all rules and, if it has no errors, adds all defaults.
 * @param before the model of the protos of the open sagas, if known
 */
export function check(model: SagaModel, before?: SagaModel): Checked {
  const { report, sorted } = collectReports();
  checkRpcs(report, model);
  checkTopics(
    report,
    model.services.flatMap((service) => service.facades),
  );
  const services = model.services.map((service) => {
    checkRpcNames(report, service);
    const facades = service.facades.map((listed) => {
      checkFacade(report, model, listed);
      const facade = planFacade(listed);
      checkDeadline(report, listed, facade);
      return facade;
    });
    return { service, facades };
  });
  if (before !== undefined) {
    checkAgainst(report, before, model);
  }
  const diagnostics = sorted();
  const failed = diagnostics.some((diagnostic) => diagnostic.severity === "error");
  return failed ? { diagnostics } : { diagnostics, plan: { services } };
}

function checkFacade(report: Report, model: SagaModel, facade: ListedFacade): void {
  const { fullName, streaming } = facade.rpc;
  if (facade.mode === "unspecified") {
    const fix = "set mode: MODE_SYNC, MODE_ASYNC or MODE_THROTTLED";
    report("SAGA_MODE_MISSING", facade.place, `facade ${fullName} has no mode; ${fix}`);
  }
  if (streaming) {
    report("SAGA_RPC_STREAMING", facade.place, `${fullName} is streaming; a facade must be a unary RPC`);
  }
  checkDuration(report, "deadline", facade.deadline);
  checkSteps(report, model, facade);
  checkStepNames(report, facade);
  checkPivot(report, facade);
}
