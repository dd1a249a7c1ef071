import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import type { Clock } from "./ports.js";

/** How many sagas may be open at the same time, waiting ones included, for each facade. */
export interface QueueLimits {
  readonly async: number;
  readonly throttled: number;
}

/** Bounds what a server takes on: what it can't hold is refused at once, not accepted and then lost in a queue. */
export interface Admission {
  /** Whether there is room for one more saga of the facade. */
  hasRoom(facade: FacadeDefinition): boolean;
  /** A saga began here. */
  began(facade: FacadeDefinition): void;
  /** This process drives a saga, begun here or not. */
  opened(facade: FacadeDefinition): void;
  /** A saga is open no more, or is another process's now. */
  closed(facade: FacadeDefinition): void;
}

/** How old a count may be, ms, on a journal where others count, too. */
const freshMs = 250;

interface Count {
  open: number;
  askedAtMs: number;
  asking: boolean;
}

/**
 * Makes an admission. On a journal of its own it counts as it goes; on a shared one it asks now and then how many sagas
 * are open, and adds those that began here since.
 */
export function createAdmission(limits: QueueLimits, journal: Journal, clock: Clock): Admission {
  const counts = new Map<FacadeDefinition, Count>();

  function countOf(facade: FacadeDefinition): Count {
    const known = counts.get(facade) ?? { open: 0, askedAtMs: Number.NEGATIVE_INFINITY, asking: false };
    counts.set(facade, known);
    return known;
  }

  function refresh(facade: FacadeDefinition, count: Count): void {
    const now = clock.now();
    if (count.asking || now - count.askedAtMs < freshMs) {
      return;
    }
    count.asking = true;
    count.askedAtMs = now;
    const before = count.open;
    journal
      .countOpen(facade.name)
      .then(
        (open) => {
          count.open = open + Math.max(0, count.open - before);
        },
        () => {}, // A journal that can't be read refuses the saga itself, and says so.
      )
      .finally(() => {
        count.asking = false;
      });
  }

  return {
    hasRoom(facade) {
      if (facade.mode === "sync") {
        return true;
      }
      const count = countOf(facade);
      if (journal.shared) {
        refresh(facade, count);
      }
      return count.open < limits[facade.mode];
    },
    began(facade) {
      if (journal.shared) {
        countOf(facade).open++;
      }
    },
    opened(facade) {
      if (!journal.shared) {
        countOf(facade).open++;
      }
    },
    closed(facade) {
      if (!journal.shared) {
        countOf(facade).open--;
      }
    },
  };
}

const full = new WeakMap<FacadeDefinition, SagaError>();

/** What a call is told that there is no room for. Always the same error: who refuses thousands has no time for stacks. */
export function queueFull(facade: FacadeDefinition): SagaError {
  const text = `${facade.name} has as many open sagas as this server holds; call again later with the same request id`;
  const error = full.get(facade) ?? new SagaError("SAGA_QUEUE_FULL", text);
  full.set(facade, error);
  return error;
}
