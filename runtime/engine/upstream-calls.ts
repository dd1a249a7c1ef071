import { saysUndone } from "../core/backward.js";
import type { Failure, SagaEvent } from "../core/event.js";
import { isPastPivot, isPivotInDoubt, type SagaState, stepOf } from "../core/state.js";
import { statusName, statusText } from "../core/status.js";
import type { AttemptRef, Log, UpstreamCall, UpstreamOutcome } from "./ports.js";
import { type SagaValues, stepDefinition } from "./saga-values.js";
import type { CallCommand } from "./turn.js";

/** The call of a step or compensation whose intent the state has. @param nowMs by the journal's clock */
export function upstreamCall(values: SagaValues, state: SagaState, command: CallCommand, nowMs: number): UpstreamCall {
  const { facade, sagaId } = values;
  const { service, path, timeoutMs, name, compensation } = stepDefinition(facade, command.step);
  const { sent, undoSent } = stepOf(state, command.step);
  const forward = command.kind === "call";
  const body = forward ? sent : undoSent;
  return {
    service,
    path: forward ? path : (compensation?.path ?? path),
    body: body ?? new Uint8Array(),
    timeoutMs: forward ? boundedByDeadline(values, state, timeoutMs, nowMs) : (compensation?.timeoutMs ?? timeoutMs),
    sagaId,
    // mutation: retry-keeps-key
    idempotencyKey: forward ? `${sagaId}/${name}` : `${sagaId}/${name}/compensate`,
    retriable: forward && isPastPivot(facade, state),
    traceparent: state.traceparent,
  };
}

/**
 * The smaller of the step's timeout and what the saga's deadline leaves. Past the pivot there is no deadline; past the
 * deadline there is none either while the pivot may have happened, or no attempt could ever settle that.
 */
function boundedByDeadline({ facade }: SagaValues, state: SagaState, timeoutMs: number, nowMs: number): number {
  const leftMs = state.deadlineAtMs === undefined ? timeoutMs : state.deadlineAtMs - nowMs;
  if (isPastPivot(facade, state) || (leftMs <= 0 && isPivotInDoubt(facade, state))) {
    return timeoutMs;
  }
  // mutation: calls-end-with-deadline
  return Math.max(1, Math.min(timeoutMs, leftMs));
}

/** What the outcome of a call means for its saga. Failures are logged. */
export function outcomeEvent(
  log: Log,
  values: SagaValues,
  state: SagaState,
  { kind, step, attempt }: CallCommand,
  received: UpstreamOutcome,
): SagaEvent {
  const outcome = kind === "call" ? values.readable(step, received) : received;
  if (outcome.ok) {
    return kind === "call"
      ? { kind: "step-succeeded", step, received: outcome.body }
      : { kind: "compensation-succeeded", step };
  }
  const message = statusText(outcome.message);
  const failure: Failure = { code: outcome.code, message, reason: "SAGA_STEP_FAILED", beforeCall: false };
  const { name } = stepDefinition(values.facade, step);
  const about = { saga: values.sagaId, step: name, status: statusName(outcome.code), attempt };
  if (kind === "call") {
    log.info(about, `step attempt failed: ${outcome.message}`);
    return { kind: "step-failed", step, attempt, failure };
  }
  if (saysUndone(stepOf(state, step), failure)) {
    log.info(about, `compensation found nothing to compensate: ${outcome.message}`);
  } else {
    log.warn(about, `compensation attempt failed: ${outcome.message}`);
  }
  return { kind: "compensation-failed", step, attempt, failure };
}

/** An attempt, as lifecycle hooks see it. */
export function attemptRef({ facade, sagaId }: SagaValues, { kind, step, attempt }: CallCommand): AttemptRef {
  const { name } = stepDefinition(facade, step);
  return { sagaId, facade: facade.name, step: name, kind: kind === "call" ? "step" : "compensation", attempt };
}
