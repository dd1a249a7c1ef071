import { SagaError } from "../core/errors.js";
import type { SagaEvent } from "../core/event.js";
import { hasEnded } from "../core/state.js";
import type { Journal } from "../journal/journal.js";
import { restore } from "./adopt.js";
import { type Drive, flush, isOutcome, putAside, react } from "./driver.js";
import { awaitsTopic } from "./enqueue.js";
import type { Holes } from "./holes.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";

/** Goes on from what the journal holds, with what happened here (`lost`) and it does not have. Never rejects. */
export type Rebase = (run: Run, lost: readonly SagaEvent[]) => Promise<void>;

interface Parts {
  readonly drive: Drive;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly holes: Holes;
  readonly isStopped: () => boolean;
  /** Has the saga turn back when its deadline passes, or at once where it has. */
  readonly watchDeadline: (run: Run) => void;
}

/** Makes what goes on with sagas that another process has moved on. */
export function createRebase({ drive, journal, runs, holes, isStopped, watchDeadline }: Parts): Rebase {
  const { log } = drive;

  function rebase(run: Run, lost: readonly SagaEvent[]): Promise<void> {
    // It stays among the runs: calls under way tell it how they end, and nobody takes the saga up beside it.
    const rebasing = { events: lost.filter(isOutcome), done: Promise.resolve() };
    run.rebasing = rebasing;
    rebasing.done = readAgain(run, rebasing.events).catch((error) => {
      run.rebasing = undefined;
      run.abandoned = false;
      putAside(drive, run, error);
    });
    return rebasing.done;
  }

  async function readAgain(run: Run, events: readonly SagaEvent[]): Promise<void> {
    const stored = await journal.load(run.id);
    const hole = stored === undefined ? undefined : holes.look(stored, run.seq - 1);
    if (hole !== undefined && !isStopped()) {
      log.error({ saga: run.id, code: "SAGA_JOURNAL_CORRUPT" }, `saga parked: ${hole}`);
      throw new SagaError("SAGA_JOURNAL_CORRUPT", `saga ${run.id} can't go on: ${hole}`);
    }
    const fresh = stored === undefined ? "the journal has it no more" : restore(run.facade, stored);
    run.rebasing = undefined;
    if (isStopped()) {
      return;
    }
    if (typeof fresh === "string") {
      log.error({ saga: run.id }, `saga parked: ${fresh}`);
      runs.forget(run);
      return;
    }
    const { state, seq, answer, answerStored, endStored } = fresh;
    Object.assign(run, { state, seq, answer, answerStored, endStored, writing: false, depth: 0, abandoned: false });
    Object.assign(run, { pending: [], effects: [] });
    // What was to be sent and the saga still waits for is in no message yet.
    run.outgoing = run.outgoing.filter(({ topic }) => awaitsTopic(run, topic));
    if (run.cancelDeadline === undefined) {
      watchDeadline(run); // That it has passed may be what the journal refused.
    }
    for (const event of events) {
      react(drive, run, undecided(event));
    }
    flush(drive, run);
    if (hasEnded(run.state) && run.pending.length === 0 && !run.writing) {
      runs.forget(run);
    }
    drive.rebased(run);
  }

  return rebase;
}

/** What followed was decided on another state. */
function undecided(event: SagaEvent): SagaEvent {
  if (event.kind === "step-failed" || event.kind === "compensation-failed") {
    const { decision: _, ...rest } = event;
    return rest;
  }
  return event;
}
