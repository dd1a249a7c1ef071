import { setTimeout as sleep } from "node:timers/promises";

/** How a poller works. */
export interface PollerOptions {
  readonly everyMs: number;
  readonly query: () => Promise<void>;
  /** Called with the first error of each outage. */
  readonly onError: (error: Error) => void;
  /** Asked before each query; if not, the poller stops. Default: always */
  readonly isNeeded?: () => boolean;
}

/** Repeats a query while it is needed. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
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
    const { everyMs, query, onError, isNeeded = () => true } = this.#options;
    const { signal } = this.#closing;
    let failed = false;
    while (isNeeded() && !signal.aborted) {
      try {
        await query();
        failed = false;
      } catch (error) {
        if (!failed && !signal.aborted) {
          onError(error instanceof Error ? error : new Error(String(error)));
        }
        failed = true;
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {});
    }
    this.#running = undefined;
  }
}
