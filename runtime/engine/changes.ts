import { isShared, type Journal } from "../journal/journal.js";

/** Reports that the journal holds more of a saga than before, whichever server wrote it. */
export class Changes {
  readonly #journal: Journal;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /**
   * Calls a listener soon after each entry of the saga, and now and then when there is none. It must not throw.
   * @returns a function that ends it
   */
  subscribe(sagaId: string, listener: () => void): () => void {
    const own = () => listener(); // The same function may be given twice.
    const all = this.#listeners.get(sagaId) ?? new Set();
    this.#listeners.set(sagaId, all.add(own));
    const unwatch = isShared(this.#journal) ? this.#journal.watch(sagaId, own) : () => {};
    return () => {
      unwatch();
      all.delete(own);
      if (all.size === 0 && this.#listeners.get(sagaId) === all) {
        this.#listeners.delete(sagaId);
      }
    };
  }

  /** An entry of a saga that runs here is durable. */
  changed(sagaId: string): void {
    const listeners = this.#listeners.get(sagaId);
    if (listeners !== undefined) {
      for (const listener of [...listeners]) {
        listener(); // A copy: a listener may end, or begin, another.
      }
    }
  }
}
