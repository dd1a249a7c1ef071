import type { Journal } from "../journal/journal.js";

/** Tells of sagas that have moved on, whichever process moved them. */
export interface Changes {
  /** An entry of the saga is durable. */
  changed(sagaId: string): void;
  /** Has a listener told whenever the saga has moved on; perhaps also when it has not. @returns a function that ends it */
  subscribe(sagaId: string, listener: () => void): () => void;
}

/** Makes the hub of a process. */
export function createChanges(journal: Pick<Journal, "onChange">): Changes {
  const listeners = new Map<string, Set<() => void>>();
  const changed = (sagaId: string) => {
    for (const listener of listeners.get(sagaId) ?? []) {
      listener();
    }
  };
  journal.onChange(changed);
  return {
    changed,
    subscribe(sagaId, listener) {
      const set = listeners.get(sagaId) ?? new Set();
      listeners.set(sagaId, set.add(listener));
      return () => {
        set.delete(listener);
        if (set.size === 0 && listeners.get(sagaId) === set) {
          listeners.delete(sagaId);
        }
      };
    },
  };
}
