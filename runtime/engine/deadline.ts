import type { FacadeDefinition } from "../facade/definition.js";
import { isShared, type Journal } from "../journal/journal.js";
import type { Clock } from "./ports.js";

/** A clock that tells the time by which the journal keeps deadlines. */
export function journalClock(journal: Journal, own: Clock): Clock {
  return {
    now: () => (isShared(journal) ? journal.clockMs() : own.now()),
    after: (ms, action) => own.after(ms, action),
    random: () => own.random(),
  };
}

/**
 * When a saga that begins now must be done: the earlier of the facade's own deadline and the client's; whoever calls an async
 * facade does not wait for its end.
 * @param clientsAtMs the client's, by this process's clock
 * @param clock the journal's
 * @returns by the journal's clock; undefined where there is none
 */
export function deadlineOf(
  { deadlineMs, mode }: FacadeDefinition,
  clientsAtMs: number | undefined,
  own: Clock,
  clock: Clock,
): number | undefined {
  const clientsMs = mode === "async" || clientsAtMs === undefined ? Number.POSITIVE_INFINITY : clientsAtMs - own.now();
  const earlier = clock.now() + Math.min(deadlineMs ?? Number.POSITIVE_INFINITY, clientsMs);
  return Number.isFinite(earlier) ? earlier : undefined;
}
