import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { idles } from "./elsewhere.js";
import type { Outbox } from "./outbox.js";
import type { Log } from "./ports.js";
import type { Recovery } from "./recovery.js";
import type { Runs } from "./runs.js";
import type { Timers } from "./timers.js";

/** How many sagas are looked at, at a time. */
const batch = 100;

interface Parts {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly recovery: Recovery;
  readonly runs: Runs;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly log: Log;
  readonly isStopped: () => boolean;
}

/**
 * On a journal that servers share, looks now and then for sagas that nobody drives: those of a server that gives no sign
 * of life, and those of our own that stand still, such as one whose last call was another server's that is gone.
 */
export function createSweep(parts: Parts): { start(): void } {
  const { facades, journal, recovery, runs, outbox, timers, log, isStopped } = parts;
  const fingerprints = facades.map(({ fingerprint }) => fingerprint);
  const timeouts = facades.flatMap(({ steps }) =>
    steps.flatMap(({ timeoutMs, compensation }) => [timeoutMs, compensation?.timeoutMs ?? 0]),
  );
  // By then any call of it, whoever made it, has ended.
  const idleMs = journal.leaseMs + Math.max(0, ...timeouts);

  async function takeUp(sagaId: string, why: string): Promise<void> {
    try {
      const known = runs.get(sagaId);
      if (known !== undefined && !idles(known)) {
        return; // It is driven here.
      }
      const stored = await journal.load(sagaId);
      if (stored?.phase === "open" && !isStopped() && runs.get(sagaId) === known) {
        log.info({ saga: sagaId, facade: stored.facade }, `saga taken up: ${why}`);
        recovery.readopt(stored);
      }
    } catch (err) {
      log.warn({ saga: sagaId, err }, "a saga can't be taken up now; it is looked for again");
    }
  }

  async function sweep(): Promise<void> {
    const taken = await journal.takeOver(fingerprints, batch).catch((error) => {
      outbox.doubt(); // It may have taken messages over, and can't say so.
      throw error;
    });
    for (const sagaId of taken.sagaIds) {
      await takeUp(sagaId, "the server that drove it gives no sign of life");
    }
    if (taken.messages > 0) {
      outbox.doubt();
    }
    await outbox.settle();
    if (taken.sagaIds.length === batch && !isStopped()) {
      await sweep();
      return;
    }
    for (const sagaId of await journal.listIdle(idleMs, batch)) {
      await takeUp(sagaId, "it stood still, and no server drove it");
    }
  }

  function start(): void {
    if (!journal.shared) {
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
