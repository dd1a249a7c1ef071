import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";

/** How many sagas may be open at the same time, waiting ones included, for each facade. */
export interface QueueLimits {
  readonly async: number;
  readonly throttled: number;
}

/** Bounds what a server takes on: what it can't hold is refused at once, not accepted and then lost in a queue. */
export interface Admission {
  /** Whether there is room for one more saga of the facade. */
  hasRoom(facade: FacadeDefinition): boolean;
  /** A saga is open. */
  opened(facade: FacadeDefinition): void;
  /** A saga is open no more. */
  closed(facade: FacadeDefinition): void;
}

/** Makes an admission that counts the open sagas. */
export function createAdmission(limits: QueueLimits): Admission {
  const open = new Map<FacadeDefinition, number>();
  const count = (facade: FacadeDefinition, by: number) => open.set(facade, (open.get(facade) ?? 0) + by);
  return {
    hasRoom(facade) {
      return facade.mode === "sync" || (open.get(facade) ?? 0) < limits[facade.mode];
    },
    opened: (facade) => count(facade, 1),
    closed: (facade) => count(facade, -1),
  };
}

/** What a call is told that there is no room for. */
export function queueFull(facade: FacadeDefinition): SagaError {
  return new SagaError(
    "SAGA_QUEUE_FULL",
    `${facade.name} has as many open sagas as this server holds; call again later with the same request id`,
  );
}
