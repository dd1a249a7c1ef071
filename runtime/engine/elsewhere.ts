import { SagaError } from "../core/errors.js";
import { isShared, type Journal } from "../journal/journal.js";
import type { Changes } from "./changes.js";
import type { Log } from "./ports.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";
import { failTickets } from "./ticket.js";
import type { Timers } from "./timers.js";
import type { Waiters } from "./waiters.js";

interface Parts {
  readonly journal: Journal;
  readonly changes: Changes;
  readonly runs: Runs;
  readonly waiters: Waiters;
  readonly log: Log;
  readonly timers: Timers;
}

/** How long after an answer could not be read it is tried again, ms. */
const lookAgainMs = 1_000;

/** Follows sagas that another process drives, on a journal that several share. */
export interface Elsewhere {
  /** Has whoever waits here for a saga told its answer once the journal has it. */
  follow(sagaId: string): void;
  /** Lets go of a saga that has come to rest here, or that another process has moved on meanwhile. */
  release(run: Run): void;
  /** Watches a saga that this process keeps. */
  keep(run: Run): void;
  forget(run: Run): void;
  close(): void;
}

/** Makes it. */
export function createElsewhere({ journal, changes, runs, waiters, log, timers }: Parts): Elsewhere {
  const followed = new Map<string, { check(): void; end(): void }>();
  /** Another process may have moved them on while something of them was under way here. */
  const passedOver = new WeakSet<Run>();

  function stop(sagaId: string): void {
    followed.get(sagaId)?.end();
    followed.delete(sagaId);
  }

  async function look(sagaId: string): Promise<void> {
    const stored = await journal.load(sagaId);
    if (stored?.answer !== undefined) {
      waiters.answer(sagaId, stored.answer);
    }
  }

  function follow(sagaId: string): void {
    const known = followed.get(sagaId);
    if (known !== undefined) {
      known.check(); // While this process drove it, changes were passed over.
      return;
    }
    let looking = false;
    let again = false;
    const check = () => {
      if (!waiters.has(sagaId)) {
        stop(sagaId);
      } else if (looking) {
        again = true;
      } else if (!runs.has(sagaId)) {
        looking = true;
        again = false;
        look(sagaId)
          .catch((err) => {
            log.warn({ saga: sagaId, err }, "a saga's answer can't be read now; it is tried again");
            timers.after(lookAgainMs, check);
          })
          .finally(() => {
            looking = false;
            if (again || !waiters.has(sagaId)) {
              check();
            }
          });
      }
    };
    const unsubscribe = changes.subscribe(sagaId, check);
    let cancel = () => {};
    const end = () => {
      unsubscribe();
      cancel();
    };
    // Nobody is told of an entry of our own that arrived after it was given up.
    const lookLater = () => {
      cancel = timers.after(isShared(journal) ? journal.leaseMs : 0, () => {
        lookLater();
        check();
      });
    };
    lookLater();
    followed.set(sagaId, { check, end });
    check(); // What changed before is told to nobody.
  }

  function release(run: Run): void {
    if (!journal.shared) {
      return;
    }
    if (rests(run) && run.cancelDeadline === undefined) {
      runs.forget(run);
      if (waiters.has(run.id)) {
        follow(run.id);
      }
    } else if (passedOver.has(run) && idles(run)) {
      noticed(run.id); // It waits here for what has perhaps long come to pass.
    }
  }

  /** What this process remembers of a saga that another has moved on is of no use any more. */
  async function drop(sagaId: string): Promise<void> {
    const run = runs.get(sagaId);
    if (run === undefined) {
      return;
    }
    passedOver.add(run);
    if (!idles(run)) {
      return; // It is looked at again when it comes to rest.
    }
    const stored = await journal.load(sagaId);
    if (runs.get(sagaId) !== run || !idles(run)) {
      return;
    }
    passedOver.delete(run);
    if (stored !== undefined && stored.records.length > run.seq) {
      runs.forget(run);
      run.abandoned = true;
      // Its messages are delivered again, and find out how far the saga has got.
      failTickets(run, new SagaError("SAGA_JOURNAL_CONFLICT", `another server has moved saga ${sagaId} on`));
      if (waiters.has(sagaId)) {
        follow(sagaId);
      }
    }
  }

  function noticed(sagaId: string): void {
    drop(sagaId).catch((err) => {
      log.warn({ saga: sagaId, err }, "a saga that another server moved on can't be read now; it is tried again");
      timers.after(lookAgainMs, () => noticed(sagaId));
    });
  }

  /** For each saga that this process keeps, what ends the journal's watch. */
  const kept = new Map<string, () => void>();

  function forget({ id }: Run): void {
    kept.get(id)?.();
    kept.delete(id);
  }

  function keep(run: Run): void {
    if (isShared(journal)) {
      forget(run);
      kept.set(
        run.id,
        journal.watch(run.id, () => noticed(run.id)),
      );
    }
  }

  return {
    follow,
    release,
    keep,
    forget,
    close() {
      for (const end of kept.values()) {
        end();
      }
      for (const sagaId of [...followed.keys()]) {
        stop(sagaId);
      }
    },
  };
}

/** Whether nothing happens to a saga in this process until a message, its deadline, or another process comes. */
function rests(run: Run): boolean {
  return idles(run) && run.tickets.size === 0;
}

/** Whether nothing of a saga is under way in this process, though places may be held for it. */
export function idles(run: Run): boolean {
  return standsStill(run) && run.timers.size === 0;
}

/** Whether a saga waits, be it for a message or until it is time to try again, and nothing is done for it meanwhile. */
export function standsStill(run: Run): boolean {
  const still = run.pending.length === 0 && run.outgoing.length === 0 && run.effects.length === 0 && !run.writing;
  return still && run.flights.size === 0 && run.rebasing === undefined;
}
