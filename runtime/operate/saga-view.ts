import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Failure } from "../core/event.js";
import type { Phase, StepState as Step, StepStatus, UndoStatus } from "../core/state.js";
import type { FacadeDefinition, StepDefinition } from "../facade/definition.js";
import type { StoredPhase, StoredSaga } from "../journal/journal.js";
import { decodeRecord, recordTime } from "../journal/record.js";
import type { Any } from "../pb/google/protobuf/any.js";
import { CompensationState, type Saga, type SagaStep, SagaState as State, StepState } from "../pb/saga/v1/service.js";
import { rollbackOf, type Timeline, timelineOf } from "./timeline.js";

/**
 * A stored saga as SagaService returns it.
 * @param facade the saga's facade, if this server has it
 */
export function sagaView(stored: StoredSaga, facade: FacadeDefinition | undefined): Saga {
  if (facade === undefined) {
    return outline(stored, facade, `this server has no facade ${stored.facade}`);
  }
  if (facade.fingerprint !== stored.fingerprint) {
    return outline(stored, facade, `the structure of ${stored.facade} has changed since the saga began`);
  }
  try {
    return detailed(stored, facade, timelineOf(facade, stored.records));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return outline(stored, facade, `its records can't be read: ${why}`);
  }
}

function detailed(stored: StoredSaga, facade: FacadeDefinition, { state, steps, ...span }: Timeline): Saga {
  const { failure, response, phase } = state;
  const completed = phase === "completed" && response !== undefined;
  return {
    requestId: stored.sagaId,
    facade: stored.facade,
    state: phases[phase],
    steps: facade.steps.map((step, at) => stepView(step, state.steps[at], steps[at])),
    failure: failureView(failure),
    failedStep: failure?.step === undefined ? "" : (facade.steps[failure.step]?.name ?? ""),
    response: completed ? anyOf(response, facade) : undefined,
    startTime: dateOf(span.startedMs),
    updateTime: dateOf(timeOf(stored.records.at(-1))),
    endTime: dateOf(span.endedMs),
    deadline: dateOf(state.deadlineAtMs),
    parkedReason: "",
  };
}

/** A saga whose events this server can't replay: it has no steps. */
function outline(stored: StoredSaga, facade: FacadeDefinition | undefined, parkedReason: string): Saga {
  const { phase, answer } = stored;
  const failed = answer?.ok === false ? answer : undefined;
  // An async saga is answered before its steps run: only its records have the rollback and its failure.
  const { rolledBack, failure } = rollbackOf(stored.records, phase === "compensated" || phase === "stuck");
  const ended = phase === "completed" || phase === "compensated";
  return {
    requestId: stored.sagaId,
    facade: stored.facade,
    // A failed answer is stored together with the start of the rollback.
    state:
      phase === "open" && (failed !== undefined || rolledBack) ? State.SAGA_STATE_ROLLING_BACK : storedPhases[phase],
    steps: [],
    failure: failureView(failed?.failure ?? failure),
    failedStep: failed?.step ?? "",
    response: phase === "completed" && answer?.ok === true ? anyOf(answer.response, facade) : undefined,
    startTime: dateOf(timeOf(stored.records[0])),
    updateTime: dateOf(timeOf(stored.records.at(-1))),
    endTime: ended ? dateOf(timeOf(stored.records.at(-1))) : undefined,
    deadline: dateOf(deadlineIn(stored.records[0])),
    parkedReason,
  };
}

const phases: Readonly<Record<Phase, State>> = {
  new: State.SAGA_STATE_RUNNING,
  running: State.SAGA_STATE_RUNNING,
  "rollback-queued": State.SAGA_STATE_ROLLING_BACK,
  compensating: State.SAGA_STATE_ROLLING_BACK,
  completed: State.SAGA_STATE_COMPLETED,
  compensated: State.SAGA_STATE_COMPENSATED,
  stuck: State.SAGA_STATE_STUCK,
};

const storedPhases: Readonly<Record<StoredPhase, State>> = {
  open: State.SAGA_STATE_RUNNING,
  stuck: State.SAGA_STATE_STUCK,
  completed: State.SAGA_STATE_COMPLETED,
  compensated: State.SAGA_STATE_COMPENSATED,
};

/** The type requires an entry for each status of core. */
const stepStates: Readonly<Record<StepStatus, StepState>> = {
  idle: StepState.STEP_STATE_IDLE,
  queued: StepState.STEP_STATE_QUEUED,
  due: StepState.STEP_STATE_DUE,
  calling: StepState.STEP_STATE_CALLING,
  done: StepState.STEP_STATE_DONE,
  failed: StepState.STEP_STATE_FAILED,
  unknown: StepState.STEP_STATE_UNKNOWN,
};

const compensationStates: Readonly<Record<UndoStatus, CompensationState>> = {
  idle: CompensationState.COMPENSATION_STATE_IDLE,
  due: CompensationState.COMPENSATION_STATE_DUE,
  calling: CompensationState.COMPENSATION_STATE_CALLING,
  done: CompensationState.COMPENSATION_STATE_DONE,
  stuck: CompensationState.COMPENSATION_STATE_STUCK,
  skipped: CompensationState.COMPENSATION_STATE_SKIPPED,
};

function stepView(
  { name, compensation }: StepDefinition,
  step: Step | undefined,
  span: Timeline["steps"][number] | undefined,
): SagaStep {
  return {
    name,
    state: stepStates[step?.status ?? "idle"],
    attempts: step?.attempts ?? 0,
    startTime: dateOf(span?.call.startedMs),
    endTime: dateOf(span?.call.endedMs),
    failure: failureView(span?.call.failure),
    compensation:
      compensation === undefined
        ? undefined
        : {
            state: compensationStates[step?.undo ?? "idle"],
            attempts: step?.undoAttempts ?? 0,
            startTime: dateOf(span?.compensation.startedMs),
            endTime: dateOf(span?.compensation.endedMs),
            failure: failureView(span?.compensation.failure),
          },
  };
}

function failureView(failure: Omit<Failure, "beforeCall"> | undefined): Saga["failure"] {
  return failure && { code: failure.code, message: failure.message, reason: failure.reason };
}

function anyOf(response: Uint8Array, facade: FacadeDefinition | undefined): Any {
  if (facade === undefined) {
    // The type is unknown, and an Any without a type can't be decoded.
    const value = new BinaryWriter().uint32(0x0a).bytes(response).finish();
    return { typeUrl: "type.googleapis.com/google.protobuf.BytesValue", value };
  }
  return { typeUrl: `type.googleapis.com/${facade.types.response}`, value: response };
}

function timeOf(record: Uint8Array | undefined): number | undefined {
  return record && readable(() => recordTime(record));
}

function deadlineIn(record: Uint8Array | undefined): number | undefined {
  const started = record && readable(() => decodeRecord(record).find((event) => event.kind === "started"));
  return started?.deadlineAtMs;
}

/** Ignores a damaged record, so that the rest of the saga is returned. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The maximum of google.protobuf.Timestamp. A later deadline is omitted. */
const latestMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined || ms > latestMs ? undefined : new Date(ms);
}
