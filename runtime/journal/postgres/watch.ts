import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./connect.js";

/** How often the watched sagas are polled, and how often hand-overs are, ms. */
const watchEveryMs = 100;
const handOversEveryMs = 1_000;

/** How many entries each of some sagas has, besides the first. */
export const countEntries = `
SELECT id, coalesce((SELECT max(seq) FROM record WHERE saga_id = saga.id), 0)::integer AS last FROM saga WHERE id = ANY ($1)`;

const takeHandOvers = "DELETE FROM hand_over WHERE pod = $1 RETURNING saga, topic";

interface Watched {
  readonly listeners: Set<{ readonly changed: () => void }>;
  /** The number of the last entry that was seen; -1 if there was no such saga; undefined before the first query. */
  last: number | undefined;
}

/** Repeats a query for as long as it is needed. */
class Poller {
  readonly #everyMs: number;
  readonly #query: () => Promise<void>;
  readonly #isNeeded: () => boolean;
  readonly #onError: (error: Error) => void;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  /** @param onError called with the first error of each outage */
  constructor(everyMs: number, query: () => Promise<void>, isNeeded: () => boolean, onError: (error: Error) => void) {
    this.#everyMs = everyMs;
    this.#query = query;
    this.#isNeeded = isNeeded;
    this.#onError = onError;
  }

  /** Starts, unless it runs already. */
  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let failed = false;
    while (this.#isNeeded() && !signal.aborted) {
      try {
        await this.#query();
        failed = false;
      } catch (error) {
        if (!failed && !signal.aborted) {
          this.#onError(error instanceof Error ? error : new Error(String(error)));
        }
        failed = true;
      }
      await sleep(this.#everyMs, undefined, { signal }).catch(() => {});
    }
    this.#running = undefined;
  }
}

/**
 * Polls what other servers do: the entries of watched sagas, and hand-overs. One query each 100 ms serves all watched
 * sagas, and none runs while no saga is watched. No connection is kept for it, so that it works behind a connection pooler.
 */
export class Watcher {
  readonly #database: Database;
  readonly #podId: string;
  readonly #watched = new Map<string, Watched>();
  readonly #receivers = new Set<{ readonly listener: (sagaId: string, topic: string) => void }>();
  readonly #changes: Poller;
  readonly #handOvers: Poller;

  constructor(database: Database, podId: string, onError: (error: Error) => void) {
    this.#database = database;
    this.#podId = podId;
    const isWatching = () => this.#watched.size > 0;
    this.#changes = new Poller(watchEveryMs, () => this.#findChanges(), isWatching, onError);
    const isReceiving = () => this.#receivers.size > 0;
    this.#handOvers = new Poller(handOversEveryMs, () => this.#receiveHandOvers(), isReceiving, onError);
  }

  /** As the journal's `watch`. */
  watch(sagaId: string, changed: () => void): () => void {
    const watched = this.#watched.get(sagaId) ?? { listeners: new Set(), last: undefined };
    watched.last = undefined; // So that the next query calls the new listener.
    const own = { changed };
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
    const own = { listener };
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
    const query = { name: "watch", text: countEntries, values: [ids] };
    const rows = await this.#database.query<{ id: string; last: number }>(query);
    const lastOf = new Map(rows.map(({ id, last }) => [id, last]));
    for (const id of ids) {
      const watched = this.#watched.get(id);
      const last = lastOf.get(id) ?? -1;
      if (watched !== undefined && watched.last !== last) {
        watched.last = last;
        // A copy: a listener may stop watching, or watch again.
        for (const { changed } of [...watched.listeners]) {
          changed();
        }
      }
    }
  }

  async #receiveHandOvers(): Promise<void> {
    const query = { name: "hand-overs", text: takeHandOvers, values: [this.#podId] };
    for (const { saga, topic } of await this.#database.query<{ saga: string; topic: string }>(query)) {
      for (const { listener } of [...this.#receivers]) {
        listener(saga, topic);
      }
    }
  }
}
