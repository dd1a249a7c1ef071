/** How a batcher works. */
export interface BatcherOptions<Item, Result> {
  /** How many batches may be in flight at once. */
  readonly lanes: number;
  /** Items with the same key are never in flight together, and keep their order. Default: items have no key */
  readonly keyOf?: (item: Item) => string;
  readonly bytesOf: (item: Item) => number;
  /**
   * Stores a batch as one transaction.
   * @param sinceMs when the oldest item came, on the clock of performance.now()
   * @param again whether the items were in another batch, of which it is not known whether it was stored
   * @returns for each item its result, or the error that it is refused with; rejects if the batch was not stored
   */
  readonly commit: (batch: readonly Item[], sinceMs: number, again: boolean) => Promise<readonly (Result | Error)[]>;
  /** Whether one item of a batch may be the reason for an error; then each is stored alone, and only that one fails. */
  readonly isItemError: (error: unknown) => boolean;
  /** What the callers of a batch that could not be stored get. */
  readonly failure: (error: unknown) => Error;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly sinceMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** The largest batch. */
const maxItems = 512;
const maxBytes = 8 * 1024 * 1024;

/**
 * Group commit: items that arrive in one turn of the event loop, or while all lanes are taken, share the next
 * transaction. The cost of a round trip and of a sync per item thus falls as the load grows.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #ready: Waiting<Item, Result>[] = [];
  /** For each key with an item that is ready or in flight: the items that wait for it. */
  readonly #behind = new Map<string, Waiting<Item, Result>[]>();
  #inFlight = 0;
  #scheduled = false;
  #onDrained: (() => void)[] = [];

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves once the item is stored. */
  run(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = { item, sinceMs: performance.now(), resolve, reject };
      const key = this.#options.keyOf?.(item);
      const queue = key === undefined ? undefined : this.#behind.get(key);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      if (key !== undefined) {
        this.#behind.set(key, []);
      }
      this.#ready.push(waiting);
      this.#schedule();
    });
  }

  /** Resolves once nothing waits and nothing is in flight. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained.push(resolve);
      this.#reportDrained();
    });
  }

  #schedule(): void {
    if (!this.#scheduled && this.#inFlight < this.#options.lanes && this.#ready.length > 0) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        void this.#store(this.#take());
        this.#schedule();
      });
    }
  }

  #take(): readonly Waiting<Item, Result>[] {
    let count = 0;
    let bytes = 0;
    for (const { item } of this.#ready) {
      bytes += this.#options.bytesOf(item);
      if (count === maxItems || (count > 0 && bytes > maxBytes)) {
        break;
      }
      count++;
    }
    return this.#ready.splice(0, count);
  }

  /** Never rejects: every caller gets a result or an error. */
  async #store(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    this.#inFlight++;
    const { isItemError } = this.#options;
    try {
      await this.#commit(batch, false);
    } catch (error) {
      for (const waiting of batch) {
        if (batch.length > 1 && isItemError(error)) {
          await this.#commit([waiting], true).catch((reason) => waiting.reject(this.#options.failure(reason)));
        } else {
          waiting.reject(this.#options.failure(error));
        }
      }
    }
    this.#inFlight--;
    for (const { item } of batch) {
      this.#release(item);
    }
    this.#schedule();
    this.#reportDrained();
  }

  async #commit(batch: readonly Waiting<Item, Result>[], again: boolean): Promise<void> {
    const items = batch.map(({ item }) => item);
    const results = await this.#options.commit(items, batch[0]?.sinceMs ?? 0, again);
    if (results.length !== batch.length) {
      throw new RangeError(`${results.length} results for ${batch.length} items`);
    }
    batch.forEach(({ resolve, reject }, at) => {
      const result = results[at] as Result | Error;
      if (result instanceof Error) {
        reject(result);
      } else {
        resolve(result);
      }
    });
  }

  /** Makes the item ready that waits for this one. */
  #release(item: Item): void {
    const key = this.#options.keyOf?.(item);
    if (key === undefined) {
      return;
    }
    const next = this.#behind.get(key)?.shift();
    if (next === undefined) {
      this.#behind.delete(key);
    } else {
      this.#ready.push(next);
    }
  }

  #reportDrained(): void {
    if (this.#inFlight === 0 && this.#ready.length === 0) {
      for (const resolve of this.#onDrained.splice(0)) {
        resolve();
      }
    }
  }
}
