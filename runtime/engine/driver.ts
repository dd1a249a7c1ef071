import type { Broker } from "../broker/broker.js";
import { isSagaError } from "../core/errors.js";
import type { SagaEvent } from "../core/event.js";
import { hasEnded, isPastPivot, type SagaState } from "../core/state.js";
import { transition } from "../core/transition.js";
import type { Answer, Entry, Journal, Message, StoredMessage, StoredPhase } from "../journal/journal.js";
import { encodeRecord, type RecordedEvent } from "../journal/record.js";
import { answerOf } from "./answer.js";
import { carryOut } from "./carry-out.js";
import type { Clock, Log, Upstreams } from "./ports.js";
import type { Run } from "./run.js";
import { settleTickets } from "./ticket.js";

/** What driving a saga needs. */
export interface Drive {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  /** The message that tells of a saga's end, to be stored with it; undefined where nobody wants one. */
  completion(run: Run): Message | undefined;
  /** An entry of the saga is durable. Must not throw. */
  moved(run: Run, entry: Durable): void;
  /** The saga reached an end state, durably. */
  ended(run: Run): void;
  /** The journal refused an entry of the saga. */
  abandoned(run: Run, error: unknown): void;
  /** Another process has moved the saga on. `lost`: what happened here and the journal does not have. */
  overtaken(run: Run, lost: readonly SagaEvent[]): void;
  /** The saga perhaps waits for nothing but messages now, with no entry to say so. */
  rested(run: Run): void;
  /** What this process knows of the saga is again what the journal holds. */
  rebased(run: Run): void;
  /** The journal already has a saga of this id; nothing of this run was stored, and nothing left. */
  exists(run: Run): void;
}

/** What an entry made durable. */
export interface Durable {
  readonly seq: number;
  readonly state: SagaState;
  readonly answer: Answer | undefined;
  /** The messages that were stored with it. */
  readonly stored: readonly StoredMessage[];
}

/**
 * Takes an event in: lets the state machine say what follows, writes down what happened, and, once that is durable,
 * does what was to be done. Events that follow at once are written in the same entry.
 */
export function react(drive: Drive, run: Run, event: SagaEvent): void {
  if (run.rebasing !== undefined) {
    if (isOutcome(event)) {
      run.rebasing.events.push(event);
    }
    return;
  }
  if (run.abandoned) {
    return; // The journal holds what is true; whoever adopts the saga goes by that.
  }
  try {
    take(drive, run, event);
  } catch (error) {
    putAside(drive, run, error); // A bug of ours must not take the server, or other sagas, with it.
  }
}

function take(drive: Drive, run: Run, event: SagaEvent): void {
  run.depth++;
  const { state, commands, unexpected, decided = event } = transition(run.facade, run.state, event);
  run.pending.push(unexpected === undefined ? { event: decided } : { event, unexpected });
  run.state = state;
  if (unexpected !== undefined) {
    const about = { saga: run.id, event: event.kind, verdict: unexpected };
    // A deadline that passes while the pivot may have happened is nobody's mistake.
    const level = event.kind === "deadline-passed" ? "debug" : "warn";
    drive.log[level](about, "unexpected event, nothing changed");
  }
  if (state.phase !== "running" || (event.kind === "step-succeeded" && isPastPivot(run.facade, state))) {
    run.cancelDeadline?.();
    run.cancelDeadline = undefined;
  }
  for (const command of commands) {
    carryOut(drive, run, command);
  }
  run.depth--;
  if (run.depth === 0) {
    write(drive, run);
  }
}

/** Hands what happened to the journal, as one entry, unless the one before is still on its way there. */
function write(drive: Drive, run: Run): void {
  if (run.pending.length === 0 || run.writing || run.abandoned) {
    return;
  }
  run.writing = true;
  const { pending, effects, outgoing, state } = run;
  const answer = run.answerStored ? undefined : answerOf(run.facade, state);
  const ends = !run.endStored && (state.phase === "completed" || state.phase === "compensated");
  const completion = ends ? drive.completion(run) : undefined;
  const entry: Entry = {
    sagaId: run.id,
    seq: run.seq,
    record: encodeRecord(drive.clock.now(), pending),
    phase: storedPhase(state),
    messages: completion === undefined ? none : [completion],
    ...(answer === undefined ? {} : { answer }),
  };
  run.seq++;
  run.pending = [];
  run.effects = [];
  run.outgoing = [];
  run.answerStored ||= answer !== undefined;
  run.endStored ||= ends;
  const stored = store(drive, run, entry)
    .then((messages) => {
      run.writing = false;
      run.creating = undefined;
      if (messages === "exists") {
        run.abandoned = true;
        drive.exists(run);
      } else if (!run.abandoned) {
        durable(drive, run, effects, outgoing, { seq: entry.seq, state, answer, stored: messages });
        write(drive, run);
        flush(drive, run);
      }
    })
    .catch((error) => refused(drive, run, error, { pending, outgoing }));
  run.stored = stored;
  if (entry.seq === 0) {
    run.creating = stored;
  }
}

const none: readonly Message[] = [];

/** Whether an event tells how a call ended: it happened, whatever the journal says meanwhile. */
export function isOutcome({ kind }: SagaEvent): boolean {
  return (
    kind === "step-succeeded" ||
    kind === "step-failed" ||
    kind === "compensation-succeeded" ||
    kind === "compensation-failed"
  );
}

interface Unwritten {
  readonly pending: readonly RecordedEvent[];
  readonly outgoing: readonly Message[];
}

function refused(drive: Drive, run: Run, error: unknown, { pending, outgoing }: Unwritten): void {
  if (isSagaError(error) && error.code === "SAGA_JOURNAL_CONFLICT" && !run.abandoned) {
    const lost = [...pending, ...run.pending].map(({ event }) => event);
    run.abandoned = true;
    run.outgoing = [...outgoing, ...run.outgoing];
    drive.overtaken(run, lost);
  } else {
    putAside(drive, run, error);
  }
}

/** Sends the messages that wait for nothing more to become durable. */
export function flush(drive: Drive, run: Run): void {
  if (run.pending.length === 0 && !run.writing && !run.abandoned && run.depth === 0 && run.outgoing.length > 0) {
    const { outgoing } = run;
    run.outgoing = [];
    void drive.broker.publish(outgoing);
    drive.rested(run);
  }
}

/** What this process believes of the saga may not be what the journal holds: it is left to recovery, which goes by that. */
export function putAside(drive: Drive, run: Run, error: unknown): void {
  if (!run.abandoned) {
    run.abandoned = true;
    drive.abandoned(run, error);
  }
}

function store(drive: Drive, run: Run, entry: Entry): Promise<readonly StoredMessage[] | "exists"> {
  if (entry.seq > 0) {
    return drive.journal.append(entry);
  }
  const { name: facade, fingerprint } = run.facade;
  return drive.journal.create({ ...entry, facade, fingerprint, request: run.requestBytes });
}

function durable(
  drive: Drive,
  run: Run,
  effects: readonly (() => void)[],
  outgoing: readonly Message[],
  entry: Durable,
): void {
  if (outgoing.length > 0) {
    void drive.broker.publish(outgoing);
  }
  for (const effect of effects) {
    effect();
  }
  run.answer ??= entry.answer;
  if (run.tickets.size > 0) {
    settleTickets(run, entry.state, entry.seq);
  }
  drive.moved(run, entry);
  // An operator may have set a stuck saga going again since.
  if (hasEnded(entry.state) && hasEnded(run.state)) {
    drive.ended(run);
  }
}

function storedPhase(state: SagaState): StoredPhase {
  switch (state.phase) {
    case "completed":
    case "compensated":
    case "stuck":
      return state.phase;
    default:
      return "open";
  }
}
