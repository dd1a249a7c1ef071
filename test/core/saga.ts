import type { Command, Failure, SagaEvent } from "../../runtime/core/event.js";
import type { RetryPolicy, SagaPlan, StepPlan } from "../../runtime/core/plan.js";
import type { Transition } from "../../runtime/core/state.js";
import { initialState, type SagaState, type StepState, stepOf } from "../../runtime/core/state.js";
import { Status, type StatusName } from "../../runtime/core/status.js";
import { transition } from "../../runtime/core/transition.js";

/** Three attempts, with waits of 10 and 15 ms at most. */
export const retry: RetryPolicy = { maxAttempts: 3, initialBackoffMs: 10, maxBackoffMs: 15, multiplier: 2 };

/** Five attempts, with waits of 100, 300 and 500 ms at most. */
export const undoRetry: RetryPolicy = { maxAttempts: 5, initialBackoffMs: 100, maxBackoffMs: 500, multiplier: 3 };

/** A step of a group. Default: idempotent */
export function step(group: number, kind: StepPlan["kind"] = "compensatable", more: Partial<StepPlan> = {}): StepPlan {
  const compensation = kind === "compensatable" ? { compensation: { retry: undoRetry } } : {};
  return { group, kind, retry, idempotent: true, compensateOnFailure: false, ...compensation, ...more };
}

/** The plan of a saga. Default: sync, rolled back when a crash interrupts it */
export function planOf(steps: readonly StepPlan[], more: Partial<SagaPlan> = {}): SagaPlan {
  return { mode: "sync", recovery: "roll-back", steps, ...more };
}

/** A failure as an upstream returns it. */
export function failure(code: StatusName, more: Partial<Failure> = {}): Failure {
  return { code: Status[code], message: `no: ${code}`, reason: "SAGA_STEP_FAILED", beforeCall: false, ...more };
}

/** Events by short names. */
export const events = {
  started: { kind: "started", deadlineAtMs: undefined, traceparent: "" },
  arrived: (at: number): SagaEvent => ({ kind: "step-delivered", step: at }),
  called: (at: number, attempt = 1): SagaEvent => ({ kind: "step-called", step: at, attempt, sent: Uint8Array.of(at) }),
  succeeded: (at: number): SagaEvent => ({ kind: "step-succeeded", step: at, received: Uint8Array.of(at) }),
  failed: (at: number, code: StatusName): SagaEvent => ({ kind: "step-failed", step: at, failure: failure(code) }),
  notBuilt: (at: number, code: StatusName = "INTERNAL"): SagaEvent => {
    return { kind: "step-failed", step: at, failure: failure(code, { beforeCall: true }) };
  },
  late: { kind: "deadline-passed" },
  recovered: { kind: "recovered" },
  delivered: { kind: "rollback-delivered" },
  undoCalled: (at: number, attempt = 1): SagaEvent => {
    return { kind: "compensation-called", step: at, attempt, sent: Uint8Array.of(at) };
  },
  undone: (at: number): SagaEvent => ({ kind: "compensation-succeeded", step: at }),
  undoFailed: (at: number, code: StatusName): SagaEvent => {
    return { kind: "compensation-failed", step: at, failure: failure(code) };
  },
  undoNotBuilt: (at: number, code: StatusName = "INTERNAL"): SagaEvent => {
    return { kind: "compensation-failed", step: at, failure: failure(code, { beforeCall: true }) };
  },
  responded: { kind: "responded", response: Uint8Array.of(42) },
  notResponded: { kind: "respond-failed", failure: failure("INTERNAL", { beforeCall: true }) },
  retried: (at: number): SagaEvent => ({ kind: "operator-retried", step: at, who: "ada", why: "upstream fixed" }),
  skipped: (at: number): SagaEvent => ({ kind: "operator-skipped", step: at, who: "ada", why: "done by hand" }),
} as const satisfies Record<string, SagaEvent | ((at: number, ...more: never[]) => SagaEvent)>;

/** A saga that a test plays event by event. */
export interface Playing {
  state(): SagaState;
  step(at: number): StepState;
  /** Takes events in, each of which must be expected. @returns what the last one commands, see `short` */
  say(...more: SagaEvent[]): string[];
  /** What the state machine makes of an event; the saga stays as it was. */
  ask(event: SagaEvent): Transition;
}

/** Starts a saga and takes in what happened. */
export function playing(plan: SagaPlan, ...before: SagaEvent[]): Playing {
  let state = initialState(plan);
  const saga: Playing = {
    state: () => state,
    step: (at) => stepOf(state, at),
    say(...more) {
      let commands: readonly Command[] = [];
      for (const event of more) {
        const next = transition(plan, state, event);
        if (next.unexpected !== undefined) {
          throw new Error(`${event.kind}: ${next.unexpected}`);
        }
        ({ state, commands } = next);
      }
      return commands.map(short);
    },
    ask: (event) => transition(plan, state, event),
  };
  saga.say(events.started, ...before);
  return saga;
}

/** A command as text: "call 2 #3 <=10" is the third attempt of step 2, after at most 10 ms. */
function short(command: Command): string {
  if (command.kind === "respond" || command.kind === "queue-rollback") {
    return command.kind;
  }
  const wait = command.waitBoundMs === 0 ? "" : ` <=${command.waitBoundMs}`;
  if (command.kind === "queue-step") {
    return `queue ${command.step}${wait}`;
  }
  return `${command.kind} ${command.step} #${command.attempt}${wait}`;
}
