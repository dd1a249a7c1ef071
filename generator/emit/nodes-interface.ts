import type { PlannedStep } from "../model.js";
import { type FacadeContext, facadeName, finishedBefore, finishedBeforeAnswer, nodeName } from "./context.js";
import type { Imports } from "./imports.js";
import { hardLine, indent, type Layout, typeArguments, typeLiteral } from "./layout.js";
import { propertyKey } from "./names.js";

/** The interface of a facade's node file: the type of each node contains the results that exist before it. */
export function nodesInterface({ facade }: FacadeContext, imports: Imports): Layout {
  const results = (steps: readonly PlannedStep[]): Layout =>
    steps.length === 0
      ? imports.runtime("NoResults", "type")
      : typeLiteral(steps.map((step) => `readonly ${propertyKey(step.name)}: ${imports.message(step.rpc.output)}`));
  const request = imports.message(facade.rpc.input);
  const members = facade.steps.map((step): Layout => {
    const before = results(finishedBefore(step, facade));
    return [describe(step), hardLine, `readonly ${nodeName(step)}: `, nodeType(step, request, before, imports), ";"];
  });
  const respond: Layout = [
    facade.mode === "async" ? "/** Builds the response, before any step has run. */" : "/** Builds the response. */",
    hardLine,
    `readonly respond: ${imports.runtime("Respond", "type")}`,
    typeArguments([request, results(finishedBeforeAnswer(facade)), imports.message(facade.rpc.output)]),
    ";",
  ];
  return [
    [`/** The nodes of ${facadeName(facade)}: what its node file exports. */`, hardLine],
    ["export interface Nodes {", indent([...members, respond].map((member) => [hardLine, member])), hardLine, "}"],
  ];
}

function nodeType(step: PlannedStep, request: string, results: Layout, imports: Imports): Layout {
  const sent = imports.message(step.rpc.input);
  if (!step.compensation) {
    return [imports.runtime("StepNode", "type"), typeArguments([request, results, sent])];
  }
  const received = imports.message(step.rpc.output);
  const compensation = imports.message(step.compensation.rpc.input);
  return [imports.runtime("CompensatedNode", "type"), typeArguments([request, results, sent, received, compensation])];
}

function describe({ rpc, compensation }: PlannedStep): string {
  return `/** Calls ${rpc.fullName}${compensation ? `; compensated by ${compensation.rpc.fullName}` : ""}. */`;
}
