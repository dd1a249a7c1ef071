import type { Journal } from "../journal/journal.js";
import type { Clock, Log } from "./ports.js";
import type { Timers } from "./timers.js";

/** How many sagas are removed at once, at most. */
const batch = 100;

/** How long nobody looks where nothing is left to remove, at most, ms. */
const longestRestMs = 60_000;

/** When the first look is taken, at the latest, ms. */
const firstLookMs = 5_000;

/**
 * After each batch the journal is left alone for so many times as long as the batch took, from call to durable: where the
 * journal is busy a batch takes longer, and so the pause does, too.
 */
const pauseFactor = 9;

/** The least and the most of such a pause, ms. */
const shortestPauseMs = 20;
const longestPauseMs = 10_000;

interface Parts {
  readonly journal: Journal;
  readonly clock: Pick<Clock, "now">;
  readonly timers: Timers;
  readonly log: Log;
  /** How long a saga is kept after its end, ms; undefined: for ever. */
  readonly retentionMs: number | undefined;
}

/**
 * Removes sagas from the journal once they have ended for long enough, a few at a time, for as long as its timers run.
 * Servers that share a journal look at different moments, and each removes what the others do not.
 */
export function createRetention({ journal, clock, timers, log, retentionMs }: Parts): { start(): void } {
  if (retentionMs === undefined) {
    return { start() {} };
  }
  // A short retention is kept to more closely.
  const restMs = Math.min(longestRestMs, retentionMs / 2);
  let removedInRow = 0;

  function look(inMs: number): void {
    timers.after(inMs, () => {
      const began = clock.now();
      journal.removeEnded(retentionMs ?? 0, batch).then(
        (removed) => goOn(removed, clock.now() - began),
        (err) => {
          log.warn({ err }, "sagas that have ended can't be removed now; it is tried again");
          rest();
        },
      );
    });
  }

  function goOn(removed: number, tookMs: number): void {
    removedInRow += removed;
    if (removed > 0) {
      const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, tookMs * pauseFactor));
      look(pauseMs * (0.75 + timers.random() / 2));
      return;
    }
    if (removedInRow > 0) {
      log.debug({ sagas: removedInRow }, "sagas that had ended were removed");
    }
    rest();
  }

  function rest(): void {
    removedInRow = 0;
    look(atRandom(restMs));
  }

  /** In the second half of a time, so that servers do not all look in the same moment. */
  function atRandom(ms: number): number {
    return ms * (0.5 + timers.random() / 2);
  }

  return { start: () => look(atRandom(Math.min(restMs, firstLookMs))) };
}
