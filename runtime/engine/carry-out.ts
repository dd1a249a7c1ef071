import { isRollback } from "../core/errors.js";
import type { Command, Failure } from "../core/event.js";
import { mayCall, mayCompensate, stepOf } from "../core/state.js";
import type { Codec } from "../facade/codec.js";
import { type Drive, putAside, react } from "./driver.js";
import { awaits, enqueue } from "./enqueue.js";
import { nodeFailure } from "./node-failure.js";
import { compensateContext, compensationKey, type Run, stepContext, stepDefinition, stepKey } from "./run.js";
import { sendCompensation, sendStep } from "./send.js";
import { rollback } from "./ticket.js";

/** Does what the state machine commands, up to the point where something must be durable first. */
export function carryOut(drive: Drive, run: Run, command: Command): void {
  switch (command.kind) {
    case "call":
      later(drive, run, command.waitBoundMs, () => call(drive, run, command.step, command.attempt));
      return;
    case "compensate":
      later(drive, run, command.waitBoundMs, () => compensate(drive, run, command.step, command.attempt));
      return;
    case "respond":
      respond(drive, run);
      return;
    case "queue-step":
      later(drive, run, command.waitBoundMs, () => {
        if (awaits(run, command.step)) {
          enqueue(drive, run, command.step);
        }
      });
      return;
    case "queue-rollback":
      enqueue(drive, run, rollback);
      return;
  }
}

/**
 * Waits at random below the bound (full jitter): clients that failed together do not come back together. A saga that is
 * taken up waits as long as is left of the bound: else servers that come and go would have it wait for ever.
 */
function later(drive: Drive, run: Run, boundMs: number, action: () => void): void {
  const leftMs = boundMs - run.waitedMs;
  if (leftMs <= 0) {
    action();
    return;
  }
  const cancel = drive.clock.after(leftMs * drive.clock.random(), () => {
    run.timers.delete(cancel);
    action();
    drive.rested(run); // Where a message came before the wait was over, it was in vain.
  });
  run.timers.add(cancel);
}

/**
 * Has a call wait for the end of another one of its saga that is under way in this process: a process that stood still
 * between an entry and its call makes that late, after another has taken the saga over and lost it again; and a saga that
 * was put aside leaves its calls behind.
 */
function awaitsLanding(drive: Drive, run: Run, key: string, again: () => void): boolean {
  return run.flights.afterLanding(key, () => {
    again();
    drive.rested(run); // The late call has perhaps told all there was to know.
  });
}

function call(drive: Drive, run: Run, at: number, attempt: number): void {
  if (!mayCall(run.state, at) || stepOf(run.state, at).attempts + 1 !== attempt) {
    return; // The saga turned back while the attempt waited, or another server has made it.
  }
  if (awaitsLanding(drive, run, stepKey(run, at), () => call(drive, run, at, attempt))) {
    return;
  }
  const step = stepDefinition(run, at);
  const leave = (sent?: Uint8Array) => {
    if (mayCall(run.state, at)) {
      run.effects.push(() => sendStep(drive, run, at));
      react(drive, run, { kind: "step-called", step: at, attempt, ...(sent === undefined ? {} : { sent }) });
    }
  };
  if (stepOf(run.state, at).sent !== undefined) {
    leave();
    return;
  }
  build(
    drive,
    run,
    () => step.node.request(stepContext(run, step.group)),
    { codec: step.request, timeoutMs: step.timeoutMs },
    leave,
    (error) => {
      if (mayCall(run.state, at)) {
        react(drive, run, { kind: "step-failed", step: at, failure: nodeFailure(error, `node ${step.name}`) });
      }
    },
  );
}

function compensate(drive: Drive, run: Run, at: number, attempt: number): void {
  if (!mayCompensate(run.state, at) || stepOf(run.state, at).undoAttempts + 1 !== attempt) {
    return;
  }
  const again = () => compensate(drive, run, at, attempt);
  if (
    awaitsLanding(drive, run, stepKey(run, at), again) ||
    awaitsLanding(drive, run, compensationKey(run, at), again)
  ) {
    return;
  }
  const step = stepDefinition(run, at);
  const leave = (sent?: Uint8Array) => {
    if (mayCompensate(run.state, at)) {
      run.effects.push(() => sendCompensation(drive, run, at));
      react(drive, run, { kind: "compensation-called", step: at, attempt, ...(sent === undefined ? {} : { sent }) });
    }
  };
  if (stepOf(run.state, at).undoSent !== undefined) {
    leave();
    return;
  }
  build(
    drive,
    run,
    () => step.node.compensate?.(compensateContext(run, at)),
    { codec: step.compensation?.request, timeoutMs: step.compensation?.timeoutMs ?? respondTimeoutMs },
    leave,
    (error) => {
      const failure: Failure = nodeFailure(error, `node ${step.name}, compensate`);
      drive.log.warn({ saga: run.id, step: step.name, err: error }, "a compensation's request can't be built");
      if (mayCompensate(run.state, at)) {
        react(drive, run, { kind: "compensation-failed", step: at, failure });
      }
    },
  );
}

function respond(drive: Drive, run: Run): void {
  build(
    drive,
    run,
    () => run.facade.respond(stepContext(run, Number.POSITIVE_INFINITY)),
    { codec: run.facade.response, timeoutMs: respondTimeoutMs },
    (response) => {
      if (run.state.phase === "running") {
        react(drive, run, { kind: "responded", response });
      }
    },
    (error) => {
      if (run.state.phase === "running") {
        const failure = nodeFailure(error, "node respond");
        const reason = failure.reason === "SAGA_NODE_FAILED" ? "SAGA_RESPOND_FAILED" : failure.reason;
        react(drive, run, { kind: "respond-failed", failure: { ...failure, reason } });
      }
    },
  );
}

/** How long `respond` may take, ms. */
const respondTimeoutMs = 10_000;

interface Built {
  readonly codec: Codec<unknown> | undefined;
  /** How long code that answers later may take, ms. */
  readonly timeoutMs: number;
}

/**
 * Runs the user's code and encodes what it answers: at once where it answers at once, so that what follows shares an
 * entry with what led here. Code that never answers is given up, or its saga would stand still for ever.
 */
function build(
  drive: Drive,
  run: Run,
  code: () => unknown,
  { codec, timeoutMs }: Built,
  done: (bytes: Uint8Array) => void,
  failed: (error: unknown) => void,
): void {
  const encode = (message: unknown) => {
    if (isRollback(message)) {
      throw message; // Returned where it was to be thrown: an empty message could be made of it.
    }
    return codec?.encode(message).finish() ?? new Uint8Array();
  };
  let bytes: Uint8Array;
  try {
    const message = code();
    if (message instanceof Promise) {
      within(drive, run, timeoutMs, message)
        .then(encode)
        .then(done, failed)
        .then(() => drive.rested(run)) // The saga may have turned back meanwhile.
        .catch((error) => putAside(drive, run, error));
      return;
    }
    bytes = encode(message);
  } catch (error) {
    failed(error);
    return;
  }
  done(bytes);
}

function within(drive: Drive, run: Run, timeoutMs: number, message: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = drive.clock.after(timeoutMs, () => {
      run.timers.delete(cancel);
      reject(new Error(`it did not answer within ${timeoutMs} ms`));
    });
    run.timers.add(cancel);
    message.then(resolve, reject).finally(() => {
      run.timers.delete(cancel);
      cancel();
    });
  });
}
