import type { Answer } from "../journal/journal.js";

interface Waiter {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits for the answers of sagas, whichever process drives them. */
export interface Waiters {
  wait(sagaId: string): Promise<Answer>;
  answer(sagaId: string, answer: Answer): void;
  /** Tells whoever waits that this process can't say how the saga goes on. */
  refuse(sagaId: string, error: unknown): void;
  /** Whether anybody waits for the saga. */
  has(sagaId: string): boolean;
  /** The sagas that somebody waits for. */
  ids(): Iterable<string>;
}

/** Makes an empty register. */
export function createWaiters(): Waiters {
  const waiting = new Map<string, Waiter[]>();

  function take(sagaId: string): readonly Waiter[] {
    const waiters = waiting.get(sagaId) ?? [];
    waiting.delete(sagaId);
    return waiters;
  }

  return {
    wait(sagaId) {
      return new Promise((resolve, reject) => {
        const waiters = waiting.get(sagaId);
        if (waiters === undefined) {
          waiting.set(sagaId, [{ resolve, reject }]);
        } else {
          waiters.push({ resolve, reject });
        }
      });
    },
    answer(sagaId, answer) {
      for (const waiter of take(sagaId)) {
        waiter.resolve(answer);
      }
    },
    refuse(sagaId, error) {
      for (const waiter of take(sagaId)) {
        waiter.reject(error);
      }
    },
    has: (sagaId) => waiting.has(sagaId),
    ids: () => waiting.keys(),
  };
}
