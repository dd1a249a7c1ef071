import type { Failure, SagaEvent, StepDecision, UndoDecision } from "../core/event.js";
import type { Failure as FailureMessage } from "../pb/saga/journal/v1/journal.js";
import {
  Answer as AnswerMessage,
  Decision,
  type Event as EventMessage,
  Record as RecordMessage,
} from "../pb/saga/journal/v1/journal.js";
import type { Answer } from "./journal.js";

/** An event with, where the state machine did not expect it, the verdict. */
export interface RecordedEvent {
  readonly event: SagaEvent;
  readonly unexpected?: string;
}

type Kind = NonNullable<EventMessage["kind"]>;

/** The bytes of a record. @param atMs the wall clock, ms since the Unix epoch */
export function encodeRecord(atMs: number, events: readonly RecordedEvent[]): Uint8Array {
  return RecordMessage.encode({
    atMs: BigInt(atMs),
    events: events.map(({ event, unexpected }) => ({ kind: toKind(event), unexpected: unexpected ?? "" })),
  }).finish();
}

/** When a record was written, ms since the Unix epoch. @throws Error where the bytes are no record */
export function recordTime(bytes: Uint8Array): number {
  return Number(RecordMessage.decode(bytes).atMs);
}

/**
 * The events of a record that changed the saga: those recorded as unexpected are left out.
 * @throws Error where the bytes are no record, or one of a newer protosaga
 */
export function decodeRecord(bytes: Uint8Array): SagaEvent[] {
  const expected = RecordMessage.decode(bytes).events.filter((event) => event.unexpected === "");
  return expected.map((event) => {
    if (event.kind === undefined) {
      throw new Error("an event of an unknown kind: the journal was written by a newer protosaga");
    }
    return fromKind(event.kind);
  });
}

/** The bytes of an answer. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const kind: AnswerMessage["kind"] = answer.ok
    ? { $case: "response", value: answer.response }
    : { $case: "failure", value: answer.failure };
  return AnswerMessage.encode({ kind, step: answer.ok ? "" : (answer.step ?? "") }).finish();
}

/** The answer in bytes. @throws Error where they are none */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const { kind, step } = AnswerMessage.decode(bytes);
  if (kind === undefined) {
    throw new Error("an answer of an unknown kind: the journal was written by a newer protosaga");
  }
  if (kind.$case === "response") {
    return { ok: true, response: kind.value };
  }
  return { ok: false, failure: kind.value, step: step === "" ? undefined : step };
}

function toKind(event: SagaEvent): Kind {
  switch (event.kind) {
    case "started": {
      const deadlineAtMs = BigInt(Math.ceil(event.deadlineAtMs ?? 0));
      return { $case: "started", value: { deadlineAtMs, traceparent: event.traceparent } };
    }
    case "step-delivered":
      return { $case: "stepDelivered", value: event };
    case "step-called":
      return { $case: "stepCalled", value: { step: event.step, attempt: event.attempt, sent: event.sent } };
    case "step-succeeded":
      return { $case: "stepSucceeded", value: event };
    case "step-failed":
      return { $case: "stepFailed", value: { ...event, decision: toDecision(event.decision) } };
    case "deadline-passed":
      return { $case: "deadlinePassed", value: {} };
    case "recovered":
      return { $case: "recovered", value: {} };
    case "rollback-delivered":
      return { $case: "rollbackDelivered", value: {} };
    case "compensation-called":
      return { $case: "compensationCalled", value: { step: event.step, attempt: event.attempt, sent: event.sent } };
    case "compensation-succeeded":
      return { $case: "compensationSucceeded", value: event };
    case "compensation-failed":
      return { $case: "compensationFailed", value: { ...event, decision: toDecision(event.decision) } };
    case "responded":
      return { $case: "responded", value: event };
    case "respond-failed":
      return { $case: "respondFailed", value: event };
    case "operator-retried":
      return { $case: "operatorRetried", value: event };
    case "operator-skipped":
      return { $case: "operatorSkipped", value: event };
  }
}

function fromKind({ $case, value }: Kind): SagaEvent {
  switch ($case) {
    case "started": {
      const deadlineAtMs = value.deadlineAtMs === 0n ? undefined : Number(value.deadlineAtMs);
      return { kind: "started", deadlineAtMs, traceparent: value.traceparent };
    }
    case "stepDelivered":
      return { kind: "step-delivered", step: value.step };
    case "stepCalled":
      return { kind: "step-called", step: value.step, attempt: value.attempt, ...sentOf(value.sent) };
    case "stepSucceeded":
      return { kind: "step-succeeded", step: value.step, received: value.received };
    case "stepFailed":
      return {
        kind: "step-failed",
        step: value.step,
        failure: failureOf(value.failure),
        ...decided(stepDecisions, value.decision),
      };
    case "deadlinePassed":
      return { kind: "deadline-passed" };
    case "recovered":
      return { kind: "recovered" };
    case "rollbackDelivered":
      return { kind: "rollback-delivered" };
    case "compensationCalled":
      return { kind: "compensation-called", step: value.step, attempt: value.attempt, ...sentOf(value.sent) };
    case "compensationSucceeded":
      return { kind: "compensation-succeeded", step: value.step };
    case "compensationFailed":
      return {
        kind: "compensation-failed",
        step: value.step,
        failure: failureOf(value.failure),
        ...decided(undoDecisions, value.decision),
      };
    case "responded":
      return { kind: "responded", response: value.response };
    case "respondFailed":
      return { kind: "respond-failed", failure: failureOf(value.failure) };
    case "operatorRetried":
      return { kind: "operator-retried", step: value.step, who: value.who, why: value.why };
    case "operatorSkipped":
      return { kind: "operator-skipped", step: value.step, who: value.who, why: value.why };
  }
}

const stepDecisions = new Map<Decision, StepDecision>([
  [Decision.DECISION_RETRY, "retry"],
  [Decision.DECISION_FAILED, "failed"],
  [Decision.DECISION_UNKNOWN, "unknown"],
]);

const undoDecisions = new Map<Decision, UndoDecision>([
  [Decision.DECISION_RETRY, "retry"],
  [Decision.DECISION_UNDONE, "undone"],
  [Decision.DECISION_STUCK, "stuck"],
]);

function toDecision(decision: StepDecision | UndoDecision | undefined): Decision {
  const known = [...stepDecisions, ...undoDecisions].find(([, name]) => name === decision);
  return known?.[0] ?? Decision.DECISION_UNSPECIFIED;
}

function decided<Name>(names: ReadonlyMap<Decision, Name>, stored: Decision): { decision?: Name } {
  const decision = names.get(stored);
  return decision === undefined ? {} : { decision };
}

function sentOf(sent: Uint8Array | undefined): { sent?: Uint8Array } {
  return sent === undefined ? {} : { sent };
}

function failureOf(failure: FailureMessage | undefined): Failure {
  return failure ?? { code: 2, message: "", reason: "SAGA_STEP_FAILED", beforeCall: false };
}
