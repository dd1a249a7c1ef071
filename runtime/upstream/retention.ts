import { setTimeout as sleep } from "node:timers/promises";
import type { BarrierDriver, Removal } from "./port.js";

/** How old rows are removed. */
export interface RemoveOptions extends Pick<Removal, "olderThanMs"> {
  /** The most rows that one transaction removes. Default: 1000. */
  readonly batch?: number;
  /** How long to leave the database to others between two batches, ms. Default: 100. */
  readonly pauseMs?: number;
  /** Ends it after the batch that is under way. */
  readonly signal?: AbortSignal;
}

/**
 * Removes rows that are older than the given age, in small batches. docs/upstream-kit.md says how old they must be: a row
 * that goes too early lets a late call take effect again, or leaves an effect that is not undone.
 * @returns how many were removed
 */
export async function removeBarriers(
  driver: Pick<BarrierDriver<never>, "remove">,
  options: RemoveOptions,
): Promise<number> {
  const { olderThanMs, batch = 1000, pauseMs = 100, signal } = options;
  let removed = 0;
  while (signal?.aborted !== true) {
    const count = await driver.remove({ olderThanMs, limit: batch });
    removed += count;
    if (count < batch) {
      break;
    }
    // An abort in the pause is no error: what was removed is removed.
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
  return removed;
}
