import type { ListedFacade, PlannedFacade, PlannedStep } from "../model.js";
import { durationMs } from "./durations.js";
import { fingerprint } from "./fingerprint.js";
import { stepName } from "./names.js";
import { kindOf, pivotGroup } from "./pivot.js";
import { compensationPolicy, stepPolicy } from "./policies.js";
import { identifierOf } from "./reserved.js";
import { isIdempotent } from "./rpcs.js";
import { isResolved, type ResolvedStep } from "./steps.js";
import { rollbackTopic, stepTopic } from "./topics.js";
import { lowerCamelCase } from "./words.js";

/** Adds a facade's defaults. Invalid parts of a facade with errors are omitted. */
export function planFacade(listed: ListedFacade): PlannedFacade {
  const { rpc } = listed;
  const mode = listed.mode === "unspecified" ? "sync" : listed.mode;
  const byMode = mode === "sync" ? "roll-back" : "carry-on";
  const deadlineMs = durationMs(listed.deadline);
  const pivot = pivotGroup(listed);
  const facade = {
    rpc,
    identifier: identifierOf(lowerCamelCase(rpc.name)),
    mode,
    rollbackTopic: rollbackTopic(listed),
    ...(deadlineMs !== undefined && { deadlineMs }),
    recovery: listed.recovery === "unspecified" ? byMode : listed.recovery,
    steps: listed.groups.flatMap((group, position) =>
      group.steps.filter(isResolved).map((step) => planStep(step, position, pivot)),
    ),
  } as const;
  return { ...facade, fingerprint: fingerprint(facade) };
}

function planStep(step: ResolvedStep, group: number, pivot: number | undefined): PlannedStep {
  const { rpc } = step;
  const name = stepName(step) ?? lowerCamelCase(rpc.name);
  const idempotent = isIdempotent(rpc);
  return {
    name,
    identifier: identifierOf(name),
    topic: stepTopic(step),
    rpc,
    group,
    kind: kindOf(step, group, pivot),
    ...stepPolicy(rpc.step, idempotent),
    idempotent,
    compensateOnFailure: rpc.step?.compensateOnFailure ?? false,
    ...(step.compensation && {
      compensation: { rpc: step.compensation, ...compensationPolicy(step.compensation.compensation) },
    }),
  };
}
