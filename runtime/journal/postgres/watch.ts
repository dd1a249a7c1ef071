import type { Database } from "./connect.js";
import { Poller } from "./poller.js";
import type { Statements } from "./sql.js";

/** How often the watched sagas are polled, and how often hand-overs are, ms. */
const watchEveryMs = 100;
const handOversEveryMs = 1_000;

interface Watched {
  readonly listeners: Set<() => void>;
  /** The number of the last entry that was seen; -1 if there was no such saga; undefined before the first query. */
  last: number | undefined;
}

/**
 * Polls what other servers do: the entries of watched sagas, and hand-overs. One query each 100 ms serves all watched
 * sagas, and none runs while no saga is watched. No connection is kept for it, so that it works behind a connection
 * pooler.
 */
export class Watcher {
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #podId: string;
  readonly #watched = new Map<string, Watched>();
  readonly #receivers = new Set<(sagaId: string, topic: string) => void>();
  readonly #changes: Poller;
  readonly #handOvers: Poller;

  constructor(database: Database, sql: Statements, podId: string, onError: (error: Error) => void) {
    this.#database = database;
    this.#sql = sql;
    this.#podId = podId;
    this.#changes = new Poller({
      ...{ everyMs: watchEveryMs, onError },
      query: () => this.#findChanges(),
      isNeeded: () => this.#watched.size > 0,
    });
    this.#handOvers = new Poller({
      ...{ everyMs: handOversEveryMs, onError },
      query: () => this.#receiveHandOvers(),
      isNeeded: () => this.#receivers.size > 0,
    });
  }

  /** As the journal's `watch`. */
  watch(sagaId: string, changed: () => void): () => void {
    const watched = this.#watched.get(sagaId) ?? { listeners: new Set(), last: undefined };
    watched.last = undefined; // So that the next query calls the new listener.
    const own = () => changed(); // A function may be given twice.
    watched.listeners.add(own);
    this.#watched.set(sagaId, watched);
    this.#changes.start();
    return () => {
      watched.listeners.delete(own);
      if (watched.listeners.size === 0 && this.#watched.get(sagaId) === watched) {
        this.#watched.delete(sagaId);
      }
    };
  }

  /** As the journal's `onHandOver`. */
  onHandOver(listener: (sagaId: string, topic: string) => void): () => void {
    const own = (sagaId: string, topic: string) => listener(sagaId, topic);
    this.#receivers.add(own);
    this.#handOvers.start();
    return () => this.#receivers.delete(own);
  }

  async close(): Promise<void> {
    this.#watched.clear();
    this.#receivers.clear();
    await Promise.all([this.#changes.close(), this.#handOvers.close()]);
  }

  async #findChanges(): Promise<void> {
    // PostgreSQL has no text with a NUL, and so no such saga.
    const ids = [...this.#watched.keys()].filter((id) => !id.includes("\0"));
    const rows = await this.#database.query<{ id: string; last: number }>(this.#sql.lastEntries, [ids]);
    const lastOf = new Map(rows.map(({ id, last }) => [id, last]));
    for (const id of ids) {
      const watched = this.#watched.get(id);
      const last = lastOf.get(id) ?? -1;
      if (watched !== undefined && watched.last !== last) {
        watched.last = last;
        // A copy: a listener may stop watching, or watch again.
        for (const changed of [...watched.listeners]) {
          changed();
        }
      }
    }
  }

  async #receiveHandOvers(): Promise<void> {
    type Row = { readonly saga: string; readonly topic: string };
    for (const { saga, topic } of await this.#database.query<Row>(this.#sql.takeHandOvers, [this.#podId])) {
      for (const listener of [...this.#receivers]) {
        listener(saga, topic);
      }
    }
  }
}
