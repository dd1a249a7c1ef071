import { saysUndone } from "../core/backward.js";
import { isPastPivot, isPivotInDoubt, stepOf } from "../core/state.js";
import { Status, statusName } from "../core/status.js";
import { statusText } from "../core/status-text.js";
import type { StepDefinition } from "../facade/definition.js";
import { type Drive, putAside, react } from "./driver.js";
import type { UpstreamCall, UpstreamOutcome } from "./ports.js";
import { compensationKey, type Run, stepDefinition, stepKey } from "./run.js";
import { giveBack } from "./ticket.js";

const nothing = new Uint8Array();

/** Makes a step's call; that it may leave is durable. */
export function sendStep(drive: Drive, run: Run, at: number): void {
  const step = stepDefinition(run, at);
  const { attempts: attempt } = stepOf(run.state, at);
  const call = {
    service: step.service,
    path: step.path,
    body: stepOf(run.state, at).sent ?? nothing,
    timeoutMs: bounded(drive, run, step.timeoutMs),
    sagaId: run.id,
    idempotencyKey: stepKey(run, at),
    retriable: isPastPivot(run.facade, run.state),
    traceparent: run.state.traceparent,
  };
  fly(drive, run, call, (answer) => {
    if (drive.broker.slots !== undefined) {
      giveBack(run, at);
    }
    const outcome = readable(run, step, answer);
    if (outcome.ok) {
      react(drive, run, { kind: "step-succeeded", step: at, received: outcome.body });
    } else {
      const { code, message } = outcome;
      const about = {
        saga: run.id,
        step: step.name,
        status: statusName(code),
        attempt,
      };
      drive.log.info(about, `a step's attempt failed: ${message}`);
      react(drive, run, { kind: "step-failed", step: at, attempt, failure: failureOf(outcome) });
    }
  });
}

/** Makes a call, and says how it ended. */
function fly(drive: Drive, run: Run, call: UpstreamCall, landed: (outcome: UpstreamOutcome) => void): void {
  const ended = run.flights.depart(call.idempotencyKey);
  drive.upstreams
    .call(call)
    .then((outcome) => {
      const wakeOthers = ended();
      landed(outcome);
      wakeOthers();
    })
    .catch((error) => putAside(drive, run, error));
}

/** An answer that can't be decoded tells as little as one that was lost: the call may have taken effect. */
function readable(run: Run, step: StepDefinition, outcome: UpstreamOutcome): UpstreamOutcome {
  if (!outcome.ok) {
    return outcome;
  }
  try {
    run.results.set(step.name, step.response.decode(outcome.body));
    return outcome;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, code: Status.INTERNAL, message: `the answer of ${step.path} can't be read: ${why}` };
  }
}

/** Makes a compensation's call; that it may leave is durable. */
export function sendCompensation(drive: Drive, run: Run, at: number): void {
  const step = stepDefinition(run, at);
  if (step.compensation === undefined) {
    return;
  }
  const { undoAttempts: attempt } = stepOf(run.state, at);
  const call = {
    service: step.service,
    path: step.compensation.path,
    body: stepOf(run.state, at).undoSent ?? nothing,
    timeoutMs: step.compensation.timeoutMs,
    sagaId: run.id,
    idempotencyKey: compensationKey(run, at),
    retriable: false,
    traceparent: run.state.traceparent,
  };
  fly(drive, run, call, (outcome) => {
    if (outcome.ok) {
      react(drive, run, { kind: "compensation-succeeded", step: at });
    } else {
      const { code, message } = outcome;
      const failure = failureOf(outcome);
      const about = {
        saga: run.id,
        step: step.name,
        status: statusName(code),
        attempt,
      };
      if (saysUndone(stepOf(run.state, at), failure)) {
        drive.log.info(about, `a compensation found nothing to undo, which counts as undone: ${message}`);
      } else {
        drive.log.warn(about, `a compensation's attempt failed: ${message}`);
      }
      react(drive, run, { kind: "compensation-failed", step: at, attempt, failure });
    }
  });
}

/**
 * The smaller of the step's timeout and what the saga's deadline leaves. Past the pivot there is no deadline; past the
 * deadline there is none either while the pivot may have happened, or no attempt could ever settle that.
 */
function bounded(drive: Drive, run: Run, timeoutMs: number): number {
  const { deadlineAtMs } = run.state;
  if (deadlineAtMs === undefined || isPastPivot(run.facade, run.state)) {
    return timeoutMs;
  }
  const left = deadlineAtMs - drive.clock.now();
  if (left <= 0 && isPivotInDoubt(run.facade, run.state)) {
    return timeoutMs;
  }
  return Math.max(1, Math.min(timeoutMs, left));
}

function failureOf({ code, message }: Extract<UpstreamOutcome, { ok: false }>) {
  return { code, message: statusText(message), reason: "SAGA_STEP_FAILED", beforeCall: false };
}
