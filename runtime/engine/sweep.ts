import type { FacadeDefinition } from "../facade/definition.js";
import { isShared, type Journal, type StoredSaga } from "../journal/journal.js";
import { eachStored } from "./each-stored.js";
import { idles } from "./elsewhere.js";
import { createIdle } from "./idle.js";
import type { Outbox } from "./outbox.js";
import type { Clock, Log } from "./ports.js";
import type { Recovery } from "./recovery.js";
import type { Runs } from "./runs.js";
import type { Timers } from "./timers.js";

/** How many sagas are taken over at a time. */
const batch = 100;

interface Parts {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly recovery: Recovery;
  readonly runs: Runs;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly log: Log;
  readonly isStopped: () => boolean;
}

/**
 * On a journal that servers share, looks now and then for sagas that nobody drives: those of a server that gives no sign
 * of life, and those of our own that stand still, such as one whose last call was another server's that is gone.
 */
export function createSweep(parts: Parts): { start(): void } {
  const { facades, journal, recovery, runs, outbox, timers, clock, log, isStopped } = parts;
  const fingerprints = facades.map(({ fingerprint }) => fingerprint);
  const timeouts = facades.flatMap(({ steps }) =>
    steps.flatMap(({ timeoutMs, compensation }) => [timeoutMs, compensation?.timeoutMs ?? 0]),
  );
  // By then any call of it, whoever made it, has ended.
  const idleMs = (isShared(journal) ? journal.leaseMs : 0) + Math.max(0, ...timeouts);
  const lookAtIdle = createIdle({ journal, idleMs, recovery, runs, clock, log, isStopped });

  async function takeUp(sagaIds: readonly string[]): Promise<void> {
    const known = new Map(sagaIds.map((sagaId) => [sagaId, runs.get(sagaId)]));
    const use = (stored: StoredSaga) => {
      const run = runs.get(stored.sagaId);
      // One that is driven here has been taken up already.
      if (stored.phase === "open" && run === known.get(stored.sagaId) && (run === undefined || idles(run))) {
        const about = { saga: stored.sagaId, facade: stored.facade };
        log.info(about, "saga taken up: the server that drove it gives no sign of life");
        recovery.readopt(stored);
      }
    };
    await eachStored(journal, sagaIds, log, use, { isStopped }); // One that can't be read now is found standing still.
  }

  async function sweep(): Promise<void> {
    for (let more = isShared(journal); more && isShared(journal); ) {
      const taken = await journal.takeOver(fingerprints, batch).catch((error) => {
        outbox.doubt(); // It may have taken messages over, and can't say so.
        throw error;
      });
      await takeUp(taken.sagaIds);
      if (taken.messages > 0) {
        outbox.doubt();
      }
      await outbox.settle();
      more = taken.sagaIds.length === batch && !isStopped();
    }
    await lookAtIdle();
  }

  function start(): void {
    if (!isShared(journal)) {
      return;
    }
    // At random in the second half, so that servers do not all look in the same moment.
    timers.after(journal.leaseMs * (0.25 + timers.random() / 4), () => {
      if (!isStopped()) {
        sweep()
          .catch((err) => log.warn({ err }, "sagas that nobody drives can't be looked for now"))
          .finally(start);
      }
    });
  }

  return { start };
}
