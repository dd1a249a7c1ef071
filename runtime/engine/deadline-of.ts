import type { FacadeDefinition } from "../facade/definition.js";
import type { SagaCall } from "./engine.js";

/**
 * The earlier of the facade's own deadline and the client's; whoever calls an async facade does not wait for its end.
 * @param now the wall clock, ms since the Unix epoch, as is what it returns
 */
export function deadlineOf(
  { deadlineMs, mode }: FacadeDefinition,
  { deadlineAtMs }: SagaCall,
  now: number,
): number | undefined {
  const own = deadlineMs === undefined ? Number.POSITIVE_INFINITY : now + deadlineMs;
  const clients = mode === "async" ? Number.POSITIVE_INFINITY : (deadlineAtMs ?? Number.POSITIVE_INFINITY);
  const earlier = Math.min(own, clients);
  return Number.isFinite(earlier) ? earlier : undefined;
}
