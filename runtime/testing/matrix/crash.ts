import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import type { Network } from "../world/upstreams.js";
import type { Durable } from "./durable.js";
import type { Fault } from "./fault.js";
import { sagaId } from "./trouble.js";

/**
 * Says when the server is to be killed: at the point that the fault names, and once the steps that run beside this one are
 * done, so that what a restart finds is always the same.
 */
export function isDue(
  { left, arrived }: Network,
  durable: Durable,
  { steps }: FacadeDefinition,
  { step, fault }: { readonly step: StepDefinition; readonly fault: Fault },
): () => boolean {
  const key = `${sagaId}/${step.name}`;
  const beside = steps.filter(({ group, name }) => group === step.group && name !== step.name);

  function isStored({ name }: StepDefinition): boolean {
    return durable().some((event) => event.kind === "step-succeeded" && steps[event.step]?.name === name);
  }

  return () => {
    switch (fault) {
      case "crash before the call":
        return left.some(({ idempotencyKey }) => idempotencyKey === key) && beside.every(isStored);
      case "crash after the call":
        return arrived.some(({ attempt }) => attempt.idempotencyKey === key) && beside.every(isStored);
      default:
        return isStored(step);
    }
  };
}
