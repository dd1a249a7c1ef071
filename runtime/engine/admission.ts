import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import type { Clock } from "./ports.js";

/** How many sagas may be open at the same time, waiting ones included, for each facade. */
export interface QueueLimits {
  readonly async: number;
  readonly throttled: number;
  /** How much memory the requests of all sagas that run here may take, MiB; sync ones included. Default: no limit */
  readonly megabytes?: number;
}

/** What counts of a saga. */
interface Held {
  readonly facade: FacadeDefinition;
  readonly values: { readonly requestBytes: Uint8Array };
}

/** How old a count may be on a journal that servers share, ms. */
const freshMs = 250;

interface Count {
  open: number;
  askedAtMs: number;
  asking: boolean;
}

/**
 * Bounds what a server accepts: what it can't hold is refused at once, not accepted and then lost in a queue. On SQLite
 * it counts open sagas as they come and go. On a shared journal it asks now and then how many are open, and adds those
 * that began here since.
 */
export class Admission {
  readonly #limits: QueueLimits;
  readonly #journal: Journal;
  readonly #clock: Pick<Clock, "now">;
  readonly #counts = new Map<FacadeDefinition, Count>();
  /** One error for each facade: making thousands of stacks takes time that an overloaded server does not have. */
  readonly #queueFull = new Map<FacadeDefinition, SagaError>();
  readonly #memoryFull = new SagaError(
    "SAGA_QUEUE_FULL",
    "the requests of open sagas take as much memory as queue_limit.megabytes allows; call again later with the same request id",
  );
  #bytes = 0;

  constructor(limits: QueueLimits, journal: Journal, clock: Pick<Clock, "now">) {
    this.#limits = limits;
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Why one more saga of the facade is refused; undefined if there is room. */
  refusal(facade: FacadeDefinition, requestBytes: number): SagaError | undefined {
    const mostBytes = (this.#limits.megabytes ?? Number.POSITIVE_INFINITY) * 2 ** 20;
    // One request alone is accepted however large it is: gRPC bounds it, and it would never be accepted otherwise.
    if (this.#bytes > 0 && this.#bytes + requestBytes > mostBytes) {
      return this.#memoryFull;
    }
    return this.#hasRoom(facade) ? undefined : this.#full(facade);
  }

  /** A saga began here. */
  began(facade: FacadeDefinition): void {
    if (this.#journal.shared) {
      this.#countOf(facade).open++;
    }
  }

  /** A saga runs here, whether it began here or was recovered. */
  opened({ facade, values }: Held): void {
    this.#bytes += values.requestBytes.length;
    if (!this.#journal.shared) {
      this.#countOf(facade).open++;
    }
  }

  /** A saga no longer runs here. */
  closed({ facade, values }: Held): void {
    this.#bytes -= values.requestBytes.length;
    if (!this.#journal.shared) {
      this.#countOf(facade).open--;
    }
  }

  #hasRoom(facade: FacadeDefinition): boolean {
    if (facade.mode === "sync") {
      return true;
    }
    const count = this.#countOf(facade);
    if (this.#journal.shared) {
      this.#refresh(facade, count);
    }
    return count.open < this.#limits[facade.mode];
  }

  #countOf(facade: FacadeDefinition): Count {
    const known = this.#counts.get(facade) ?? { open: 0, askedAtMs: Number.NEGATIVE_INFINITY, asking: false };
    this.#counts.set(facade, known);
    return known;
  }

  #refresh(facade: FacadeDefinition, count: Count): void {
    const now = this.#clock.now();
    if (count.asking || now - count.askedAtMs < freshMs) {
      return;
    }
    count.asking = true;
    count.askedAtMs = now;
    const before = count.open;
    this.#journal
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

  #full(facade: FacadeDefinition): SagaError {
    const text = `${facade.name} has as many open sagas as queue_limit allows; call again later with the same request id`;
    const error = this.#queueFull.get(facade) ?? new SagaError("SAGA_QUEUE_FULL", text);
    this.#queueFull.set(facade, error);
    return error;
  }
}
