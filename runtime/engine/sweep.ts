import type { Journal } from "../journal/journal.js";
import type { Clock, Log } from "./ports.js";
import type { Recovery } from "./recovery.js";

/** How many sagas are taken over at a time. */
const batch = 100;

interface Parts {
  readonly journal: Journal;
  readonly recovery: Recovery;
  readonly clock: Clock;
  readonly log: Log;
  readonly isStopped: () => boolean;
}

/** Looks, now and then, for sagas that a server left behind that gives no sign of life, and takes them up. */
export function createSweep({ journal, recovery, clock, log, isStopped }: Parts): { start(): void } {
  async function takeOver(): Promise<void> {
    for (;;) {
      const ids = await journal.takeOver(batch);
      for (const id of ids) {
        const stored = await journal.load(id);
        if (stored?.phase === "open" && !isStopped()) {
          log.info({ saga: id, facade: stored.facade }, "saga taken over from a server that gives no sign of life");
          recovery.adopt(stored);
        }
      }
      if (ids.length < batch || isStopped()) {
        return;
      }
    }
  }

  function start(): void {
    if (!journal.shared) {
      return;
    }
    // At random in the second half, so that servers do not all look in the same moment.
    clock.after(journal.leaseMs * (0.25 + clock.random() / 4), () => {
      if (!isStopped()) {
        takeOver()
          .catch((err) => log.warn({ err }, "sagas that other servers left can't be looked for now"))
          .finally(start);
      }
    });
  }

  return { start };
}
