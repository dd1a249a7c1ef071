/** How a group commit works. */
export interface GroupOptions<Item, Result> {
  /** How many transactions may be on their way at once. */
  readonly lanes: number;
  /** Items with one key are never in one transaction, and keep their order. */
  readonly keyOf: (item: Item) => string;
  readonly bytesOf: (item: Item) => number;
  /**
   * Stores a batch.
   * @param sinceMs when the oldest item came, on the clock of performance.now()
   * @returns what each item's caller gets, an Error where it is refused; rejects where all of them are
   */
  readonly commit: (batch: readonly Item[], sinceMs: number) => Promise<readonly (Result | Error)[]>;
}

/** Runs items in shared transactions. */
export interface GroupCommit<Item, Result> {
  run(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly key: string;
  readonly sinceMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** The most of one transaction. */
const mostItems = 512;
const mostBytes = 8 * 1024 * 1024;

/**
 * Group commit: items that arrive in one turn of the event loop, or while all lanes are taken, share the next
 * transaction, so that the cost of a round trip and of durability falls as the load grows.
 */
export function createGroupCommit<Item, Result>(options: GroupOptions<Item, Result>): GroupCommit<Item, Result> {
  const { lanes, keyOf, bytesOf, commit } = options;
  let ready: Waiting<Item, Result>[] = [];
  /** By key: what waits for the item of that key that is ready or on its way. */
  const behind = new Map<string, Waiting<Item, Result>[]>();
  let running = 0;
  let scheduled = false;

  function schedule(): void {
    if (!scheduled && running < lanes && ready.length > 0) {
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        void transact(take());
        schedule();
      });
    }
  }

  function take(): readonly Waiting<Item, Result>[] {
    let bytes = 0;
    let count = 0;
    for (const { item } of ready) {
      bytes += bytesOf(item);
      if (count === mostItems || (count > 0 && bytes > mostBytes)) {
        break;
      }
      count++;
    }
    const batch = ready.slice(0, count);
    ready = ready.slice(count);
    return batch;
  }

  async function transact(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    running++;
    try {
      const sinceMs = batch[0]?.sinceMs ?? 0;
      const results = await commit(
        batch.map(({ item }) => item),
        sinceMs,
      );
      for (const [at, { resolve, reject }] of batch.entries()) {
        const result = results[at];
        if (result instanceof Error || result === undefined) {
          reject(result ?? new Error("a transaction told nothing of one of its entries"));
        } else {
          resolve(result);
        }
      }
    } catch (error) {
      for (const { reject } of batch) {
        reject(error);
      }
    } finally {
      running--;
      done(batch);
    }
  }

  function done(batch: readonly Waiting<Item, Result>[]): void {
    for (const { key } of batch) {
      const next = behind.get(key)?.shift();
      if (next === undefined) {
        behind.delete(key);
      } else {
        ready.push(next);
      }
    }
    schedule();
  }

  return {
    run(item) {
      return new Promise((resolve, reject) => {
        const key = keyOf(item);
        const waiting = { item, key, sinceMs: performance.now(), resolve, reject };
        const queue = behind.get(key);
        if (queue !== undefined) {
          queue.push(waiting);
          return;
        }
        behind.set(key, []);
        ready.push(waiting);
        schedule();
      });
    },
  };
}
