import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import type { Clock } from "./ports.js";
import type { Run } from "./run.js";

/** How many sagas may be open at the same time, waiting ones included, for each facade. */
export interface QueueLimits {
  readonly async: number;
  readonly throttled: number;
  /** How much memory the requests of all sagas that this process drives may take, 2^20 bytes; sync ones included. Default: no limit */
  readonly megabytes?: number;
}

/** What counts of a saga. */
type Held = Pick<Run, "facade" | "requestBytes">;

/** Bounds what a server takes on: what it can't hold is refused at once, not accepted and then lost in a queue. */
export interface Admission {
  /** What keeps one more saga of the facade from being taken on; undefined where there is room. */
  refusal(facade: FacadeDefinition, requestBytes: number): SagaError | undefined;
  /** A saga began here. */
  began(facade: FacadeDefinition): void;
  /** This process drives a saga, begun here or not. */
  opened(saga: Held): void;
  /** A saga is open no more, or is another process's now. */
  closed(saga: Held): void;
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
  const mostBytes = (limits.megabytes ?? Number.POSITIVE_INFINITY) * 2 ** 20;
  let bytes = 0;

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

  function hasRoom(facade: FacadeDefinition): boolean {
    if (facade.mode === "sync") {
      return true;
    }
    const count = countOf(facade);
    if (journal.shared) {
      refresh(facade, count);
    }
    return count.open < limits[facade.mode];
  }

  return {
    refusal(facade, requestBytes) {
      // One alone is taken on however large: gRPC bounds it, and else it never would be.
      if (bytes > 0 && bytes + requestBytes > mostBytes) {
        return memoryFull;
      }
      return hasRoom(facade) ? undefined : queueFull(facade);
    },
    began(facade) {
      if (journal.shared) {
        countOf(facade).open++;
      }
    },
    opened({ facade, requestBytes }) {
      bytes += requestBytes.length;
      if (!journal.shared) {
        countOf(facade).open++;
      }
    },
    closed({ facade, requestBytes }) {
      bytes -= requestBytes.length;
      if (!journal.shared) {
        countOf(facade).open--;
      }
    },
  };
}

const memoryFull = new SagaError(
  "SAGA_QUEUE_FULL",
  "the requests of open sagas take as much memory as queue_limit.megabytes allows; call again later with the same request id",
);

const full = new WeakMap<FacadeDefinition, SagaError>();

/** What a call is told that there is no room for. Always the same error: who refuses thousands has no time for stacks. */
function queueFull(facade: FacadeDefinition): SagaError {
  const text = `${facade.name} has as many open sagas as this server holds; call again later with the same request id`;
  const error = full.get(facade) ?? new SagaError("SAGA_QUEUE_FULL", text);
  full.set(facade, error);
  return error;
}
