import type { Failure, SagaEvent } from "../core/event.js";
import type { SagaPlan } from "../core/plan.js";
import { initialState, type SagaState, type StepState, type StepStatus, type UndoStatus } from "../core/state.js";
import { transition } from "../core/transition.js";
import { decodeRecord, recordTime } from "../journal/record.js";

/** When something began and ended, ms since the Unix epoch; undefined where it has not. */
export interface Span {
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
}

/** One direction of a step: its call, or its compensation's. */
export interface CallSpan extends Span {
  /** Why the last attempt failed; undefined where it did not. */
  readonly failure: Failure | undefined;
}

/** A saga's state with the times at which it came about. */
export interface Timeline extends Span {
  readonly state: SagaState;
  /** By the step's position. */
  readonly steps: readonly { readonly call: CallSpan; readonly undo: CallSpan }[];
}

/** Replays a saga's records. @throws Error where one can't be read, see `decodeRecord` */
export function timelineOf(plan: SagaPlan, records: readonly Uint8Array[]): Timeline {
  let state = initialState(plan);
  let saga = idle;
  let steps = plan.steps.map(() => ({ call: idle, undo: idle }));
  for (const record of records) {
    const atMs = recordTime(record);
    for (const event of decodeRecord(record)) {
      const before = state;
      state = transition(plan, before, event).state;
      steps = steps.map((step, at) => later(step, before.steps[at], state.steps[at], event, atMs));
      saga = moved(saga, state.phase !== "new", state.phase === "completed" || state.phase === "compensated", atMs);
    }
  }
  return { ...saga, state, steps };
}

const idle: CallSpan = { startedMs: undefined, endedMs: undefined, failure: undefined };

const callEnded: ReadonlySet<StepStatus> = new Set<StepStatus>(["done", "failed", "unknown"]);
const undoEnded: ReadonlySet<UndoStatus> = new Set<UndoStatus>(["done", "skipped"]);

function later(
  { call, undo }: Timeline["steps"][number],
  before: StepState | undefined,
  after: StepState | undefined,
  event: SagaEvent,
  atMs: number,
): Timeline["steps"][number] {
  if (after === undefined || after === before) {
    return { call, undo };
  }
  // The state keeps one failure for both directions.
  const changed = after.failure !== before?.failure;
  const undone = changed && event.kind === "compensation-failed";
  const callFailure = changed && !undone ? after.failure : call.failure;
  const undoFailure = undone ? after.failure : after.undo === "done" ? undefined : undo.failure;
  return {
    call: { ...moved(call, after.status === "calling", callEnded.has(after.status), atMs), failure: callFailure },
    undo: { ...moved(undo, after.undo === "calling", undoEnded.has(after.undo), atMs), failure: undoFailure },
  };
}

/** A span's first start stays, and so does its end: nothing that has ended goes on. */
function moved(span: CallSpan, started: boolean, ended: boolean, atMs: number): CallSpan {
  return {
    ...span,
    startedMs: span.startedMs ?? (started ? atMs : undefined),
    endedMs: span.endedMs ?? (ended ? atMs : undefined),
  };
}
