import { SagaError } from "../core/errors.js";
import type { Command } from "../core/event.js";
import { isPastPivot } from "../core/state.js";
import { transition } from "../core/transition.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal, StoredSaga } from "../journal/journal.js";
import { misfit, restore } from "./adopt.js";
import { type Drive, react } from "./driver.js";
import { createHoles } from "./holes.js";
import { messageOf } from "./message.js";
import { createRebase, type Rebase } from "./rebase.js";
import { awaitedMessages } from "./remind.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";
import { failTickets } from "./ticket.js";
import type { Timers } from "./timers.js";
import { createTurns } from "./turns.js";

/** How long a saga that the journal refused waits before it is taken up again, ms. */
const readoptAfterMs = 1_000;

/** What recovery works on. */
export interface RecoveryParts {
  readonly drive: Drive;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly byName: ReadonlyMap<string, FacadeDefinition>;
  readonly timers: Timers;
  readonly isStopped: () => boolean;
  readonly isDraining: () => boolean;
}

/** Takes sagas up from the journal. */
export interface Recovery {
  /** Takes up a saga that a process left in the middle. @returns undefined where this server may not drive it */
  adopt(stored: StoredSaga): Run | undefined;
  /** The same, of one among many: where it would call an upstream at once, and no topic bounds that, it waits for its turn. */
  adoptInTurn(stored: StoredSaga): void;
  /** Why this server may not drive a saga; undefined where it may. */
  misfit(stored: StoredSaga): string | undefined;
  /** Takes up a saga that no process drives just now, if it stands where it is wanted: one that another drives does not. */
  resume(stored: StoredSaga, wanted: (run: Run) => boolean): Run | undefined;
  /** Takes up a saga that this process perhaps remembers, and does not drive. */
  readopt(stored: StoredSaga): void;
  /**
   * Has a saga that stands still, and that this process does not drive, go on: sends again the messages that it waits for,
   * and takes it up where it waits for more than those.
   * @returns whether it waits, and nothing was recorded
   */
  rouse(stored: StoredSaga): boolean;
  /**
   * Takes a saga up again after a while, unless somebody has by then.
   * @returns whether it waits for the first time since it last moved
   */
  adoptLater(sagaId: string): boolean;
  /** An entry of the saga was stored: it is not put aside any more. */
  stored(sagaId: string): void;
  readonly rebase: Rebase;
  /** Has the saga turn back when its deadline passes. */
  watchDeadline(run: Run): void;
  /** A saga has moved on: others may have their turn. */
  moved(): void;
}

/** Whether a command calls an upstream; those that wait before are spread by their waits. */
function isCall(command: Command): command is Extract<Command, { readonly kind: "call" | "compensate" }> {
  return command.kind === "call" || command.kind === "compensate";
}

/** Makes it. */
export function createRecovery({
  drive,
  journal,
  runs,
  byName,
  timers,
  isStopped,
  isDraining,
}: RecoveryParts): Recovery {
  const { clock, log } = drive;
  const aside = new Set<string>();
  const holes = createHoles();
  const rebase = createRebase({ drive, journal, runs, holes, isStopped, watchDeadline });

  function misfitOf(stored: StoredSaga): string | undefined {
    return misfit(byName.get(stored.facade), stored);
  }

  function take(stored: StoredSaga): Run | undefined {
    const known = runs.get(stored.sagaId);
    if (known !== undefined) {
      return known;
    }
    if (isStopped()) {
      throw new SagaError("SAGA_DRAINING", "the server has stopped; ask again");
    }
    const run = holes.known(stored) ?? restore(byName.get(stored.facade), stored);
    if (typeof run !== "string") {
      return run;
    }
    // Those of another structure are told of together, at the start.
    const level = misfitOf(stored) === undefined ? "error" : "debug";
    log[level]({ saga: stored.sagaId, code: "SAGA_STRUCTURE_CHANGED" }, `saga parked: ${run}`);
    return undefined;
  }

  function adopt(stored: StoredSaga): Run | undefined {
    const run = take(stored);
    if (run !== undefined && !runs.has(run.id)) {
      goOn(run);
    }
    return run;
  }

  function goOn(run: Run): void {
    runs.add(run);
    run.waitedMs = waitedOf(run);
    react(drive, run, { kind: "recovered" });
    run.waitedMs = 0;
    watchDeadline(run);
  }

  function waitedOf({ movedAtMs }: Run): number {
    return Math.max(0, clock.now() - movedAtMs);
  }

  /** A saga as the journal has it; undefined where it has none, or where this process drives it. */
  async function loadUndriven(sagaId: string): Promise<StoredSaga | undefined> {
    for (;;) {
      // A call under the saga's id that is being begun will turn out to be that of a saga that there is, and drives none.
      await runs.get(sagaId)?.creating;
      if (isStopped() || runs.has(sagaId)) {
        return undefined;
      }
      const stored = await journal.load(sagaId);
      if (runs.get(sagaId)?.creating === undefined) {
        return runs.has(sagaId) ? undefined : stored;
      }
    }
  }

  const turns = createTurns({
    runs,
    timers,
    async takeUp(sagaId) {
      try {
        const stored = isDraining() ? undefined : await loadUndriven(sagaId);
        return stored?.phase === "open" ? adopt(stored) : undefined;
      } catch (err) {
        if (!isDraining()) {
          log.error({ saga: sagaId, err }, "saga can't be taken up now; it is tried again");
          timers.after(readoptAfterMs, () => turns.wait(sagaId));
        }
        return undefined;
      }
    },
  });

  function adoptInTurn(stored: StoredSaga): void {
    const run = take(stored);
    if (run === undefined || runs.has(run.id)) {
      return;
    }
    const { commands } = transition(run.facade, run.state, { kind: "recovered" });
    if (commands.some((command) => isCall(command) && command.waitBoundMs <= waitedOf(run))) {
      turns.wait(run.id);
    } else {
      goOn(run);
    }
  }

  function resume(stored: StoredSaga, wanted: (run: Run) => boolean): Run | undefined {
    const run = take(stored);
    if (run === undefined || !wanted(run)) {
      return undefined;
    }
    if (!runs.has(run.id)) {
      runs.add(run);
      watchDeadline(run);
    }
    return run;
  }

  function readopt(stored: StoredSaga): void {
    const known = runs.get(stored.sagaId);
    if (known !== undefined) {
      known.abandoned = true;
      runs.forget(known);
      failTickets(known, new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${stored.sagaId} is taken up anew`));
    }
    adoptInTurn(stored);
  }

  function rouse(stored: StoredSaga): boolean {
    const known = runs.get(stored.sagaId);
    const current = known === undefined || (known.seq === stored.records.length && known.tickets.size === 0);
    const run = current ? take(stored) : undefined;
    if (current && run === undefined) {
      return true; // It is parked.
    }
    const asked = run === undefined ? undefined : awaitedMessages(run);
    if (run === undefined || asked === undefined) {
      readopt(stored);
      return false;
    }
    if (known === undefined && run.state.deadlineAtMs !== undefined) {
      runs.add(run);
      watchDeadline(run);
      drive.rested(run); // It may be past the point where deadlines count.
    }
    void drive.broker.publish(asked.map((at) => messageOf(drive, run, at)));
    return true;
  }

  function adoptLater(id: string): boolean {
    if (journal.shared) {
      return true; // Another server may drive it by now; where none does, the sweep finds it.
    }
    const first = !aside.has(id);
    aside.add(id);
    timers.after(readoptAfterMs, () => {
      loadUndriven(id)
        .then(
          (stored) => {
            if (stored?.phase === "open") {
              adopt(stored);
            } else if (!runs.has(id)) {
              aside.delete(id);
            }
          },
          () => adoptLater(id),
        )
        .catch((err) => log.error({ saga: id, err }, "saga can't be taken up again"));
    });
    return first;
  }

  function watchDeadline(run: Run): void {
    const { deadlineAtMs, phase } = run.state;
    if (deadlineAtMs !== undefined && phase === "running" && !isPastPivot(run.facade, run.state)) {
      const left = deadlineAtMs - clock.now();
      const pass = () => {
        run.cancelDeadline = undefined; // Past a pivot that may have happened the saga goes on, and is watched no more.
        react(drive, run, { kind: "deadline-passed" });
      };
      if (left > 0) {
        run.cancelDeadline = clock.after(left, pass);
      } else {
        pass(); // Before a message has the next step called.
      }
    }
  }

  return {
    adopt,
    adoptInTurn,
    misfit: misfitOf,
    resume,
    readopt,
    rouse,
    adoptLater,
    stored: (sagaId) => void aside.delete(sagaId),
    rebase,
    watchDeadline,
    moved: turns.moved,
  };
}
