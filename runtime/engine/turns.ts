import { standsStill } from "./elsewhere.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";
import type { Timers } from "./timers.js";

/** How many sagas that no topic holds back are taken up at the same time. */
const atOnce = 64;

/** How often it is looked whether somebody's turn has come, where no saga moves on, ms. */
const lookAfterMs = 1_000;

/**
 * Lets sagas that call upstreams as soon as they are taken up have their turn one after the other: thousands that a
 * restart finds must not call all at once. A turn ends when the saga rests, be it that it waits to try again.
 */
export interface Turns {
  /** Has a saga taken up in its turn, unless it waits for that already. */
  wait(sagaId: string): void;
  /** A saga has moved on. */
  moved(): void;
}

interface Parts {
  readonly runs: Runs;
  readonly timers: Timers;
  /** Takes a saga up. Must not reject. @returns undefined where it is nothing to take up any more */
  readonly takeUp: (sagaId: string) => Promise<Run | undefined>;
}

/** Makes it. */
export function createTurns({ runs, timers, takeUp }: Parts): Turns {
  const waiting = new Set<string>();
  const taken = new Set<Run>();
  let loading = 0;
  let watched = false;

  function pump(): void {
    for (const run of taken) {
      if (run.abandoned || runs.get(run.id) !== run || standsStill(run)) {
        taken.delete(run);
      }
    }
    for (const sagaId of waiting) {
      if (taken.size + loading >= atOnce) {
        break;
      }
      waiting.delete(sagaId);
      loading++;
      void takeUp(sagaId).then((run) => {
        loading--;
        if (run !== undefined) {
          taken.add(run);
        }
        pump();
      });
    }
    watch();
  }

  /** A saga that was put aside moves on no more. */
  function watch(): void {
    if (!watched && waiting.size > 0) {
      watched = true;
      timers.after(lookAfterMs, () => {
        watched = false;
        pump();
      });
    }
  }

  return {
    wait(sagaId) {
      waiting.add(sagaId);
      pump();
    },
    moved() {
      if (waiting.size > 0) {
        pump();
      }
    },
  };
}
