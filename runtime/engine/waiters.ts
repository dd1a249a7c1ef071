import type { Answer } from "../journal/journal.js";
import type { Run } from "./run.js";

interface Waiter {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What is waited for: the saga of an id, whichever process drives it; or a run of which it is not known yet whether the
 * id is its own. Another request may have the id, and what becomes of that one is no answer to this.
 */
export type Awaited = string | Run;

/** Who waits for the answers of sagas. */
export interface Waiters {
  wait(what: Awaited): Promise<Answer>;
  answer(what: Awaited, answer: Answer): void;
  /** Tells whoever waits that this process can't say how the saga goes on. */
  refuse(what: Awaited, error: unknown): void;
  /** Tells whoever waits what comes of this. */
  settle(what: Awaited, outcome: Promise<Answer>): void;
  /** The id turned out to be the run's own: whoever waits for the run waits for the saga from now on. */
  confirm(run: Run): void;
  /** Whether anybody waits for it. */
  has(what: Awaited): boolean;
  /** All that somebody waits for. */
  all(): readonly Awaited[];
}

/** Makes an empty register. */
export function createWaiters(): Waiters {
  const waiting = new Map<Awaited, Waiter[]>();

  function take(what: Awaited): readonly Waiter[] {
    const waiters = waiting.get(what) ?? [];
    waiting.delete(what);
    return waiters;
  }

  function add(what: Awaited, more: readonly Waiter[]): void {
    const waiters = waiting.get(what);
    if (waiters === undefined) {
      waiting.set(what, [...more]);
    } else {
      waiters.push(...more);
    }
  }

  function answer(what: Awaited, told: Answer): void {
    for (const waiter of take(what)) {
      waiter.resolve(told);
    }
  }

  function refuse(what: Awaited, error: unknown): void {
    for (const waiter of take(what)) {
      waiter.reject(error);
    }
  }

  return {
    wait: (what) => new Promise((resolve, reject) => add(what, [{ resolve, reject }])),
    answer,
    refuse,
    settle(what, outcome) {
      outcome.then(
        (told) => answer(what, told),
        (error) => refuse(what, error),
      );
    },
    confirm(run) {
      if (waiting.has(run)) {
        add(run.id, take(run));
      }
    },
    has: (what) => waiting.has(what),
    all: () => [...waiting.keys()],
  };
}
