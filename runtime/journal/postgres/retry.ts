import { setTimeout as sleep } from "node:timers/promises";
import { isPassing } from "./errors.js";

/** Does work again for as long as its errors may pass. */
export interface Retry {
  /**
   * @param work is told which attempt this is, from 1; after the first, the one before may have been committed or not
   * @param sinceMs when somebody began to wait for it, on the clock of performance.now()
   * @throws what the last attempt threw
   */
  run<Result>(work: (attempt: number) => Promise<Result>, sinceMs?: number): Promise<Result>;
}

/** The wait after the first failed attempt; it doubles with each, ms. */
const firstWaitMs = 10;
const longestWaitMs = 500;

/**
 * @param giveUpAfterMs no attempt begins after that, but for the first
 * @param onError told of each failure that is tried again
 */
export function createRetry(giveUpAfterMs: number, onError: (error: Error) => void): Retry {
  return {
    async run(work, sinceMs = performance.now()) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work(attempt);
        } catch (error) {
          // Pods that lost the same server must not all come back in the same moment.
          const waitMs = Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs) * (0.5 + Math.random());
          if (!isPassing(error) || performance.now() + waitMs - sinceMs > giveUpAfterMs) {
            throw error;
          }
          onError(error instanceof Error ? error : new Error(String(error)));
          await sleep(waitMs);
        }
      }
    },
  };
}
