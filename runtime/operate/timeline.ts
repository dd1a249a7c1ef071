import type { Failure, SagaEvent } from "../core/event.js";
import { deadlineFailure } from "../core/forward.js";
import type { SagaPlan } from "../core/plan.js";
import { interrupted } from "../core/recover.js";
import {
  initialState,
  type SagaFailure,
  type SagaState,
  type StepState,
  type StepStatus,
  type UndoStatus,
} from "../core/state.js";
import { transition } from "../core/transition.js";
import { decodeRecord, recordTime } from "../journal/record.js";

/** When something started and ended, ms since the Unix epoch; undefined if it has not. */
export interface Span {
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
}

/** The call of a step, or of its compensation. */
export interface CallSpan extends Span {
  /** Why the last attempt failed; undefined if it did not fail. */
  readonly failure: Failure | undefined;
}

/** A saga's state with the times of its changes. */
export interface Timeline extends Span {
  readonly state: SagaState;
  /** By the step's position. */
  readonly steps: readonly { readonly call: CallSpan; readonly compensation: CallSpan }[];
}

/** Replays a saga's records. @throws Error if a record can't be read, see `decodeRecord` */
export function timelineOf(plan: SagaPlan, records: readonly Uint8Array[]): Timeline {
  let state = initialState(plan);
  let saga = idle;
  let steps = plan.steps.map(() => ({ call: idle, compensation: idle }));
  for (const record of records) {
    const atMs = recordTime(record);
    for (const event of decodeRecord(record)) {
      const before = state;
      state = transition(plan, before, event).state;
      steps = steps.map((step, at) => extendedStep(step, before.steps[at], state.steps[at], event, atMs));
      saga = extended(saga, state.phase !== "new", state.phase === "completed" || state.phase === "compensated", atMs);
    }
  }
  return { ...saga, state, steps };
}

const idle: CallSpan = { startedMs: undefined, endedMs: undefined, failure: undefined };

const callEnded: ReadonlySet<StepStatus> = new Set<StepStatus>(["done", "failed", "unknown"]);
const compensationEnded: ReadonlySet<UndoStatus> = new Set<UndoStatus>(["done", "skipped"]);

function extendedStep(
  { call, compensation }: Timeline["steps"][number],
  before: StepState | undefined,
  after: StepState | undefined,
  event: SagaEvent,
  atMs: number,
): Timeline["steps"][number] {
  if (after === undefined || after === before) {
    return { call, compensation };
  }
  // The state has one failure for the call and the compensation.
  const changed = after.failure !== before?.failure;
  const compensationFailed = changed && event.kind === "compensation-failed";
  const callFailure = changed && !compensationFailed ? after.failure : call.failure;
  const lastFailure = compensationFailed ? after.failure : compensation.failure;
  return {
    call: { ...extended(call, after.status === "calling", callEnded.has(after.status), atMs), failure: callFailure },
    compensation: {
      ...extended(compensation, after.undo === "calling", compensationEnded.has(after.undo), atMs),
      failure: after.undo === "done" ? undefined : lastFailure,
    },
  };
}

/** Extends a span. Its first start and its first end never change. */
function extended(span: CallSpan, started: boolean, ended: boolean, atMs: number): CallSpan {
  return {
    ...span,
    startedMs: span.startedMs ?? (started ? atMs : undefined),
    endedMs: span.endedMs ?? (ended ? atMs : undefined),
  };
}

/** What a saga's records say about its rollback if this server doesn't have its facade. */
export interface RecordedRollback {
  /** Whether the saga is, or was, rolled back. */
  readonly rolledBack: boolean;
  /** Why; undefined if no failure is recorded. Without the facade, the failed step has no name. */
  readonly failure: Omit<SagaFailure, "step"> | undefined;
}

/**
 * Reads the rollback of a saga from its records. The records of a saga that recovery rolls back (SAGA_INTERRUPTED) show the
 * rollback only after it has started or `ended`. Records that can't be read are ignored.
 * @param ended whether the saga is compensated or stuck
 */
export function rollbackOf(records: readonly Uint8Array[], ended: boolean): RecordedRollback {
  let rolledBack = ended;
  let failure: RecordedRollback["failure"];
  let complete = true;
  for (const record of records) {
    const events = eventsOf(record);
    complete &&= events !== undefined;
    for (const event of events ?? []) {
      rolledBack ||= startsRollback(event);
      failure ??= failureOf(event);
    }
  }
  return { rolledBack, failure: failure ?? (rolledBack && complete ? interrupted : undefined) };
}

function startsRollback(event: SagaEvent): boolean {
  switch (event.kind) {
    case "step-failed":
      return event.decision === "failed" || event.decision === "unknown";
    case "deadline-passed":
    case "rollback-delivered":
    case "compensation-called":
    case "compensation-succeeded":
    case "compensation-failed":
      return true;
    default:
      return false;
  }
}

function failureOf(event: SagaEvent): RecordedRollback["failure"] {
  if (event.kind === "deadline-passed") {
    return deadlineFailure;
  }
  // If the response can't be built, the saga rolls back, or completes without a response after the pivot.
  const failed = event.kind === "respond-failed" || (event.kind === "step-failed" && startsRollback(event));
  return failed ? event.failure : undefined;
}

function eventsOf(record: Uint8Array): readonly SagaEvent[] | undefined {
  try {
    return decodeRecord(record);
  } catch {
    return undefined;
  }
}
