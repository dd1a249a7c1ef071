import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import { decodeRecord } from "../../journal/record.js";
import type { World } from "../world/world.js";
import type { Fault } from "./fault.js";
import { sagaId } from "./trouble.js";

/**
 * Says when the server is to be killed: at the point that the fault names, and once the steps that run beside this one are
 * done, so that what a restart finds is always the same.
 */
export function isDue(
  { tables, network }: World,
  { steps }: FacadeDefinition,
  { step, fault }: { readonly step: StepDefinition; readonly fault: Fault },
): () => boolean {
  const key = `${sagaId}/${step.name}`;
  const beside = steps.flatMap((other, at) => (other.group === step.group && other.name !== step.name ? [at] : []));
  const own = steps.findIndex(({ name }) => name === step.name);
  let known = 0;
  let done: ReadonlySet<number> = new Set();

  /** The steps whose answers are on disk. */
  function stored(): ReadonlySet<number> {
    const records = tables.sagas.get(sagaId)?.records ?? [];
    if (records.length !== known) {
      known = records.length;
      const events = records.flatMap(decodeRecord);
      done = new Set(events.flatMap((event) => (event.kind === "step-succeeded" ? [event.step] : [])));
    }
    return done;
  }

  return () => {
    switch (fault) {
      case "crash before the call":
        return (
          network.left.some(({ idempotencyKey }) => idempotencyKey === key) && beside.every((at) => stored().has(at))
        );
      case "crash after the call":
        return (
          network.arrived.some(({ attempt }) => attempt.idempotencyKey === key) &&
          beside.every((at) => stored().has(at))
        );
      default:
        return stored().has(own);
    }
  };
}
