import type { Journal, SharedJournal } from "../journal/journal.js";

/** Tells that sagas have changed. */
export interface Changes {
  /**
   * Has a listener told each time that the journal holds more of a saga than before; now and then also where it does not.
   * It must not throw.
   * @returns a function that ends it
   */
  subscribe(sagaId: string, listener: () => void): () => void;
}

/** Passes on what changed, in this process and in others. */
export interface ChangeHub extends Changes {
  /** Says that an entry of a saga that this process drives is durable. */
  changed(sagaId: string): void;
  /** Listens to the journal no more. */
  close(): void;
}

/** Makes a hub that is also fed by what other processes write to the same journal. */
export function createChanges(journal: Pick<Journal, "shared"> & Partial<Pick<SharedJournal, "watch">>): ChangeHub {
  const listeners = new Map<string, Set<() => void>>();
  const changed = (sagaId: string) => {
    const all = listeners.get(sagaId);
    // A copy: who is told may end, or begin, to listen. Mostly there is nobody.
    for (const listener of all === undefined ? [] : [...all]) {
      listener();
    }
  };
  /** For each saga with listeners, what ends the journal's watch. */
  const watches = new Map<string, () => void>();
  const unwatch = (sagaId: string) => {
    watches.get(sagaId)?.();
    watches.delete(sagaId);
  };
  return {
    changed,
    close() {
      for (const sagaId of [...watches.keys()]) {
        unwatch(sagaId);
      }
    },
    subscribe(sagaId, listener) {
      // Wrapped, so that the same function given twice is told twice and ended apart.
      const own = () => listener();
      const all = listeners.get(sagaId) ?? new Set();
      listeners.set(sagaId, all.add(own));
      if (!watches.has(sagaId)) {
        watches.set(sagaId, journal.watch?.(sagaId, () => changed(sagaId)) ?? (() => {}));
      }
      return () => {
        all.delete(own);
        if (all.size === 0 && listeners.get(sagaId) === all) {
          listeners.delete(sagaId);
          unwatch(sagaId);
        }
      };
    },
  };
}
