import type { ListedFacade, ListedStep, Rpc, SagaModel } from "../model.js";
import { didYouMean } from "./closest.js";
import type { Report } from "./report.js";

/** A listed step with a known RPC. */
export type ResolvedStep = ListedStep & { readonly rpc: Rpc };

/** Whether the step's RPC is known. */
export function isResolved(step: ListedStep): step is ResolvedStep {
  return step.rpc !== undefined;
}

/** Checks a facade's entries: groups, and what they call. */
export function checkSteps(report: Report, model: SagaModel, facade: ListedFacade): void {
  const owner = facade.rpc.fullName;
  if (facade.groups.length === 0) {
    report("SAGA_FACADE_EMPTY", facade.place, `facade ${owner} has no steps; list at least one`);
  }
  for (const group of facade.groups) {
    if (group.parallel && group.steps.length < 2) {
      const wrong = `a parallel group of ${owner} has ${group.steps.length === 0 ? "no steps" : "one step"}`;
      report("SAGA_PARALLEL_TOO_SMALL", group.place, `${wrong}; add steps, or call the one step directly`);
    }
    for (const field of group.stray ?? []) {
      const wrong = `a parallel group of ${owner} has a ${field}`;
      report("SAGA_PARALLEL_STRAY", group.place, `${wrong}; set it on the group's steps`);
    }
    for (const step of group.steps) {
      checkCall(report, model, facade, step);
    }
  }
}

function checkCall(report: Report, model: SagaModel, facade: ListedFacade, step: ListedStep): void {
  const owner = facade.rpc.fullName;
  if (step.nested) {
    const wrong = `a parallel group of ${owner} contains another one`;
    report("SAGA_PARALLEL_NESTED", step.place, `${wrong}; list the steps of both in one group`);
  } else if (step.call === "") {
    const wrong = `an entry of ${owner}'s steps has neither call nor parallel`;
    report("SAGA_STEP_EMPTY", step.place, `${wrong}; give call: "package.Service.Rpc"`);
  } else if (!isResolved(step)) {
    const wrong = `${owner} calls unknown RPC ${step.call}${didYouMean(step.call, model.rpcNames)}`;
    const fix =
      "use its full name, and make its file part of buf's input, with strategy: all, or import it in this file";
    report("SAGA_STEP_UNKNOWN", step.place, `${wrong}; ${fix}`);
  } else if (step.rpc.facade) {
    const wrong = `${owner} calls ${step.rpc === facade.rpc ? "itself" : `the facade ${step.call}`} as a step`;
    report("SAGA_STEP_FACADE", step.place, `${wrong}; list the steps of that facade instead: sagas can't be nested`);
  } else if (step.rpc.streaming && !step.rpc.step && !step.rpc.compensation) {
    // A marked RPC is reported at its mark.
    report("SAGA_RPC_STREAMING", step.place, `${step.call} is streaming; a step must be a unary RPC`);
  }
}
