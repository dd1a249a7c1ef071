import { setTimeout as sleep } from "node:timers/promises";

/** Repeats a query while it is needed. */
export class Poller {
  readonly #everyMs: number;
  readonly #query: () => Promise<void>;
  readonly #onError: (error: Error) => void;
  readonly #isNeeded: () => boolean;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  /**
   * @param onError called with the first error of each outage
   * @param isNeeded asked before each query; if not, the poller stops. Default: always
   */
  constructor(
    everyMs: number,
    query: () => Promise<void>,
    onError: (error: Error) => void,
    isNeeded: () => boolean = () => true,
  ) {
    this.#everyMs = everyMs;
    this.#query = query;
    this.#onError = onError;
    this.#isNeeded = isNeeded;
  }

  /** Starts, unless it runs already. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops for good, after the query that is in flight. */
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
