import type { Journal, StoredSaga } from "../journal/journal.js";
import { eachStored } from "./each-stored.js";
import { idles } from "./elsewhere.js";
import type { Clock, Log } from "./ports.js";
import type { Recovery } from "./recovery.js";
import type { Runs } from "./runs.js";

/** How many sagas that stand still are listed in one look. */
const pageSize = 1_000;

/** A saga that waits for a message alone is sent it again after a time that doubles, up to so many times the first one. */
const mostPatience = 8;

interface Parts {
  readonly journal: Journal;
  /** How long after its last entry any call of a saga has ended, whoever made it, ms. */
  readonly idleMs: number;
  readonly recovery: Recovery;
  readonly runs: Runs;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly isStopped: () => boolean;
}

/** A saga as it was last looked at. */
interface Looked {
  readonly entries: number;
  readonly atMs: number;
  /** How long it is left alone unless it moves, ms. */
  readonly patienceMs: number;
}

/**
 * Looks after the open sagas of this process that stand still, a page a look, all of them in turn: most wait for messages on
 * topics that are behind. But a message may have been lost, in a hand-over, say, and a saga may have been put aside.
 * @returns one look; rejects where the journal can't be asked
 */
export function createIdle(parts: Parts): () => Promise<void> {
  const { journal, idleMs, recovery, runs, clock, log, isStopped } = parts;
  let after = "";
  /** In this round through all of them, and in the one before: what stands still no more is forgotten with it. */
  let thisRound = new Map<string, Looked>();
  let lastRound = new Map<string, Looked>();

  /** Those that this process does not drive, and that are due. */
  function toLookAt(page: Awaited<ReturnType<Journal["listIdle"]>>): typeof page {
    return page.filter(({ sagaId, entries }) => {
      const known = runs.get(sagaId);
      const looked = lastRound.get(sagaId);
      const early = looked?.entries === entries && clock.now() - looked.atMs < looked.patienceMs;
      if (early) {
        thisRound.set(sagaId, looked);
      }
      return !early && (known === undefined || idles(known));
    });
  }

  function lookAt(stored: StoredSaga): void {
    const { sagaId, records } = stored;
    const waits = recovery.rouse(stored);
    if (!waits) {
      log.info({ saga: sagaId, facade: stored.facade }, "saga taken up: it stood still, and no server drove it");
    }
    const before = lastRound.get(sagaId);
    const again = waits && before?.entries === records.length;
    const patienceMs = again ? Math.min(before.patienceMs * 2, idleMs * mostPatience) : idleMs;
    thisRound.set(sagaId, { entries: records.length, atMs: clock.now(), patienceMs });
  }

  return async () => {
    const page = await journal.listIdle(idleMs, pageSize, after);
    const known = new Map(toLookAt(page).map(({ sagaId }) => [sagaId, runs.get(sagaId)]));
    const use = (stored: StoredSaga) => {
      const run = runs.get(stored.sagaId);
      if (stored.phase === "open" && run === known.get(stored.sagaId) && (run === undefined || idles(run))) {
        lookAt(stored);
      }
    };
    await eachStored(journal, [...known.keys()], log, use, { isStopped });
    if (page.length === pageSize) {
      after = page.at(-1)?.sagaId ?? "";
    } else {
      after = "";
      lastRound = thisRound;
      thisRound = new Map();
    }
  };
}
