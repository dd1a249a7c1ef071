import type { Journal } from "../journal/journal.js";
import type { Clock, Log, Timers } from "./ports.js";

/** How many sagas are removed at once, at most. */
const batch = 100;

/**
 * How long the journal is left alone when nothing is left to remove, at most, ms; a short retention is kept more
 * closely.
 */
const longestRestMs = 60_000;

/** When the first batch is removed, at the latest, ms. */
const firstBatchMs = 5_000;

/**
 * After each batch the journal is left alone for so many times as long as the batch took: a busy journal takes longer,
 * and so gets a longer pause.
 */
const pauseFactor = 9;
const shortestPauseMs = 20;
const longestPauseMs = 10_000;

interface Parts {
  readonly journal: Journal;
  readonly clock: Pick<Clock, "now">;
  readonly timers: Timers;
  readonly log: Log;
  /** How long a saga is kept after its end, ms. */
  readonly retentionMs: number;
}

/**
 * Removes sagas from the journal once they have ended for long enough, a few at a time. Servers that share a journal
 * look at different moments, and each removes what the others do not.
 */
export class Retention {
  readonly #parts: Parts;
  readonly #restMs: number;
  #removedInRow = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#restMs = Math.min(longestRestMs, parts.retentionMs / 2);
  }

  start(): void {
    this.#next(this.#atRandom(Math.min(this.#restMs, firstBatchMs)));
  }

  #next(inMs: number): void {
    const { journal, clock, timers, log, retentionMs } = this.#parts;
    timers.after(inMs, () => {
      const beganMs = clock.now();
      journal.removeEnded(retentionMs, batch).then(
        (removed) => this.#removed(removed, clock.now() - beganMs),
        (err) => {
          log.warn({ err }, "ended sagas can't be removed from the journal now; retrying");
          this.#rest();
        },
      );
    });
  }

  #removed(count: number, tookMs: number): void {
    this.#removedInRow += count;
    if (count > 0) {
      const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, tookMs * pauseFactor));
      this.#next(pauseMs * (0.75 + this.#parts.timers.random() / 2));
      return;
    }
    if (this.#removedInRow > 0) {
      this.#parts.log.debug({ sagas: this.#removedInRow }, "ended sagas removed from the journal");
    }
    this.#rest();
  }

  #rest(): void {
    this.#removedInRow = 0;
    this.#next(this.#atRandom(this.#restMs));
  }

  /** In the second half of a time, so that servers do not all look in the same moment. */
  #atRandom(ms: number): number {
    return ms * (0.5 + this.#parts.timers.random() / 2);
  }
}
