import type { Answer } from "../journal/journal.js";
import { createRegister } from "./register.js";
import type { Run } from "./run.js";

interface Waiter {
  /** The run that the call began or joined; undefined where the journal has said that the call is of the saga. */
  readonly run: Run | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits for the answers of sagas, whichever process drives them. */
export interface Waiters {
  /** @param run where the call began, or joined, a run that is perhaps not the saga that has this id */
  wait(sagaId: string, run?: Run): Promise<Answer>;
  /** Tells whoever waits for the saga; not those whose run may turn out to be of another request. */
  answer(sagaId: string, answer: Answer): void;
  /** Tells whoever waits that this process can't say how the saga goes on; of those whose run is undecided, this run's. */
  refuse(sagaId: string, error: unknown, run?: Run): void;
  /** Lets go of those that wait for a run that turned out not to be the saga of its id. */
  detach(run: Run): Pick<Waiter, "resolve" | "reject">;
  /** Whether anybody waits for the saga. */
  has(sagaId: string): boolean;
  /** The sagas that somebody waits for. */
  ids(): Iterable<string>;
}

/** Makes an empty register. */
export function createWaiters(): Waiters {
  const waiting = createRegister<Waiter[]>();

  function take(sagaId: string, wanted: (waiter: Waiter) => boolean): readonly Waiter[] {
    const waiters = waiting.get(sagaId) ?? [];
    const left = waiters.filter((waiter) => !wanted(waiter));
    if (left.length === 0) {
      waiting.delete(sagaId);
      return waiters;
    }
    waiting.set(sagaId, left);
    return waiters.filter(wanted);
  }

  return {
    wait(sagaId, run) {
      return new Promise((resolve, reject) => {
        const waiter = { run, resolve, reject };
        const waiters = waiting.get(sagaId);
        if (waiters === undefined) {
          waiting.set(sagaId, [waiter]);
        } else {
          waiters.push(waiter);
        }
      });
    },
    answer(sagaId, answer) {
      for (const waiter of take(sagaId, ({ run }) => !isUndecided(run))) {
        waiter.resolve(answer);
      }
    },
    refuse(sagaId, error, own) {
      for (const waiter of take(sagaId, ({ run }) => !isUndecided(run) || run === own)) {
        waiter.reject(error);
      }
    },
    detach(own) {
      const waiters = take(own.id, ({ run }) => run === own);
      return {
        resolve: (answer) => {
          for (const waiter of waiters) {
            waiter.resolve(answer);
          }
        },
        reject: (error) => {
          for (const waiter of waiters) {
            waiter.reject(error);
          }
        },
      };
    },
    has: (sagaId) => waiting.has(sagaId),
    ids: () => waiting.keys(),
  };
}

/** Whether the journal has yet to say that a run is the saga of its id: until then it may be of another request. */
function isUndecided(run: Run | undefined): boolean {
  return run !== undefined && (run.seq === 0 || run.creating !== undefined);
}
