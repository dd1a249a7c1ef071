import type { PlannedStep, Retry } from "../model.js";
import type { Imports } from "./imports.js";
import { braces, type Layout, property } from "./layout.js";

/** One entry of a facade's `steps`. */
export function stepDefinition(step: PlannedStep, node: string, imports: Imports): Layout {
  const compensation = step.compensation && [
    [
      "compensation: ",
      braces(
        [
          `path: ${JSON.stringify(step.compensation.rpc.path)}`,
          `timeoutMs: ${number(step.compensation.timeoutMs)}`,
          ["retry: ", retry(step.compensation.retry)],
          property("request", imports.message(step.compensation.rpc.input)),
        ],
        { broken: true },
      ),
    ],
  ];
  return braces(
    [
      `name: ${JSON.stringify(step.name)}`,
      `group: ${step.group}`,
      `kind: ${JSON.stringify(step.kind)}`,
      `service: ${JSON.stringify(step.rpc.service)}`,
      `path: ${JSON.stringify(step.rpc.path)}`,
      `timeoutMs: ${number(step.timeoutMs)}`,
      ["retry: ", retry(step.retry)],
      `idempotent: ${step.idempotent}`,
      `compensateOnFailure: ${step.compensateOnFailure}`,
      property("request", imports.message(step.rpc.input)),
      property("response", imports.message(step.rpc.output)),
      ...(compensation ?? []),
      property("node", node),
    ],
    { broken: true },
  );
}

function retry({ maxAttempts, initialBackoffMs, maxBackoffMs, multiplier }: Retry): Layout {
  return braces([
    `maxAttempts: ${maxAttempts}`,
    `initialBackoffMs: ${number(initialBackoffMs)}`,
    `maxBackoffMs: ${number(maxBackoffMs)}`,
    `multiplier: ${number(multiplier)}`,
  ]);
}

/** A number as formatters print it: "1e21", not "1e+21". */
export function number(value: number): string {
  return String(value).replace("e+", "e");
}
