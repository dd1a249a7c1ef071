import fc from "fast-check";
import { expect } from "vitest";
import type { Command, Failure, SagaEvent } from "../../runtime/core/event.js";
import type { SagaPlan, StepPlan } from "../../runtime/core/plan.js";
import {
  hasEnded,
  initialState,
  isQueued,
  mayCall,
  mayCompensate,
  type SagaState,
  stepOf,
} from "../../runtime/core/state.js";
import { Status } from "../../runtime/core/status.js";
import { replay, transition } from "../../runtime/core/transition.js";

const retry = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  initialBackoffMs: fc.constant(10),
  maxBackoffMs: fc.constant(100),
  multiplier: fc.constant(2),
});

function step(group: number, kind: StepPlan["kind"]): fc.Arbitrary<StepPlan> {
  return fc.record({ retry, undo: retry, idempotent: fc.boolean(), eager: fc.boolean() }).map(
    (drawn): StepPlan => ({
      group,
      kind,
      retry: drawn.retry,
      // What the generator's `check` ensures.
      idempotent: drawn.idempotent || kind === "pivot" || kind === "retriable",
      compensateOnFailure: drawn.eager,
      ...(kind === "compensatable" ? { compensation: { retry: drawn.undo } } : {}),
    }),
  );
}

/** Any facade that the generator accepts: groups before the pivot, perhaps a pivot, then retriable steps. */
export const anyPlan: fc.Arbitrary<SagaPlan> = fc
  .record({
    before: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
    reads: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    after: fc.option(fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }), { nil: undefined }),
    mode: fc.constantFrom("sync" as const, "async" as const, "throttled" as const),
    recovery: fc.constantFrom("roll-back" as const, "carry-on" as const),
  })
  .chain(({ before, reads, after, mode, recovery }) => {
    const steps: fc.Arbitrary<StepPlan>[] = [];
    before.forEach((size, group) => {
      for (let n = 0; n < size; n++) {
        steps.push(step(group, reads[steps.length] ? "read" : "compensatable"));
      }
    });
    if (after !== undefined) {
      steps.push(step(before.length, "pivot"));
      after.forEach((size, at) => {
        for (let n = 0; n < size; n++) {
          steps.push(step(before.length + 1 + at, "retriable"));
        }
      });
    }
    return fc.tuple(...steps).map((drawn) => ({ mode, recovery, steps: drawn }));
  });

/** Calls that left, in their order: "+2" is step 2's, "-2" its compensation's. */
export interface Outcome {
  readonly plan: SagaPlan;
  readonly state: SagaState;
  readonly calls: readonly string[];
  /** By step: whether the upstream has the effect, and whether it was compensated. */
  readonly applied: readonly boolean[];
  readonly undone: readonly boolean[];
  readonly crashes: number;
}

interface Action {
  readonly run: () => void;
  readonly kind: "bad" | "good" | "crash";
}

/** After this number of choices everything succeeds, so that every run ends. */
const badChoices = 120;

/**
 * Plays a saga against upstreams that refuse, fail before and after their effect, and keep an idempotency key's first
 * answer, and against a process that may crash between any two steps, from a stream of choices.
 */
export function play(plan: SagaPlan, choices: () => number): Outcome {
  const durable: SagaEvent[] = [];
  const applied = plan.steps.map(() => false);
  const refused = plan.steps.map(() => false);
  const undone = plan.steps.map(() => false);
  const calls: string[] = [];
  let state = initialState(plan);
  let due: Command[] = [];
  let flying: { readonly step: number; readonly undo: boolean }[] = [];
  let messages = 0;
  // By step: messages on its topic. They are never removed: each may be delivered again at any time.
  const stepMessages = new Set<number>();
  let crashes = 0;
  // A crash may lose only what nothing outside depends on yet.
  let safe = { events: 0, messages: 0 };

  function makeDurable(): void {
    safe = { events: durable.length, messages };
  }

  function react(event: SagaEvent): boolean {
    const next = transition(plan, state, event);
    state = next.state;
    durable.push(next.decided ?? event);
    for (const command of next.commands) {
      if (command.kind === "queue-rollback") {
        messages++;
      } else if (command.kind === "queue-step") {
        stepMessages.add(command.step);
      } else {
        due.push(command);
      }
    }
    return next.unexpected === undefined;
  }

  function leave(command: Command): void {
    due = due.filter((other) => other !== command);
    if (command.kind === "respond") {
      react({ kind: "responded", response: new Uint8Array() });
    } else if (command.kind === "call" && mayCall(state, command.step)) {
      calls.push(`+${command.step}`);
      react({ kind: "step-called", step: command.step, attempt: command.attempt, sent: new Uint8Array() });
      flying.push({ step: command.step, undo: false });
      makeDurable();
    } else if (command.kind === "compensate" && mayCompensate(state, command.step)) {
      calls.push(`-${command.step}`);
      react({ kind: "compensation-called", step: command.step, attempt: command.attempt, sent: new Uint8Array() });
      flying.push({ step: command.step, undo: true });
      makeDurable();
    }
  }

  function answers(call: { readonly step: number; readonly undo: boolean }): Action[] {
    const { step: at, undo } = call;
    const land = (event: SagaEvent) => {
      flying = flying.filter((other) => other !== call);
      react(event);
    };
    const fail = (code: number): SagaEvent => ({
      kind: undo ? "compensation-failed" : "step-failed",
      step: at,
      failure: failureOf(code),
    });
    if (undo) {
      const ok = () => {
        undone[at] = true;
        land(applied[at] ? { kind: "compensation-succeeded", step: at } : fail(Status.NOT_FOUND));
      };
      const undoAndLoseAnswer = () => {
        undone[at] = applied[at] ?? false;
        land(fail(Status.DEADLINE_EXCEEDED));
      };
      return [
        { kind: applied[at] || stepOf(state, at).status !== "done" ? "good" : "bad", run: ok },
        { kind: "bad", run: () => land(fail(Status.UNAVAILABLE)) },
        { kind: "bad", run: () => land(fail(Status.FAILED_PRECONDITION)) },
        { kind: "bad", run: () => undoAndLoseAnswer() },
      ];
    }
    if (refused[at]) {
      return [{ kind: "good", run: () => land(fail(Status.INVALID_ARGUMENT)) }];
    }
    const takeEffect = (event: SagaEvent) => {
      applied[at] = true;
      land(event);
    };
    const mayRefuse = !applied[at] && plan.steps[at]?.kind !== "retriable";
    const bad: Action[] = [
      { kind: "bad", run: () => land(fail(Status.UNAVAILABLE)) },
      { kind: "bad", run: () => takeEffect(fail(Status.DEADLINE_EXCEEDED)) },
    ];
    if (mayRefuse) {
      bad.push({
        kind: "bad",
        run: () => {
          refused[at] = true;
          land(fail(Status.INVALID_ARGUMENT));
        },
      });
    }
    return [
      { kind: "good", run: () => takeEffect({ kind: "step-succeeded", step: at, received: new Uint8Array() }) },
      ...bad,
    ];
  }

  function deliver(): void {
    makeDurable(); // A message can only arrive once it, and the transition that sends it, are stored.
    react({ kind: "rollback-delivered" });
  }

  function deliverStep(at: number): void {
    makeDurable();
    react({ kind: "step-delivered", step: at });
  }

  function crash(forget: boolean): void {
    crashes++;
    // The process may have died before it published, so recovery sends the message again.
    stepMessages.clear();
    if (forget) {
      durable.length = safe.events;
      messages = safe.messages;
    }
    due = [];
    flying = [];
    const replayed = replay(otherPolicy(plan), durable);
    if (!forget) {
      expect(replayed, "a replay under another policy comes to the same past").toEqual(state);
    }
    state = replayed;
    react({ kind: "recovered" });
  }

  function actions(): Action[] {
    const all: Action[] = [
      ...due.map((command): Action => ({ kind: "good", run: () => leave(command) })),
      ...flying.flatMap(answers),
    ];
    if (messages > 0 && state.phase === "rollback-queued") {
      all.push({ kind: "good", run: deliver });
    }
    for (const at of stepMessages) {
      all.push({ kind: isQueued(state, at) ? "good" : "bad", run: () => deliverStep(at) });
    }
    if (state.phase === "running") {
      all.push({ kind: "bad", run: () => react({ kind: "deadline-passed" }) });
    }
    if (messages > 0) {
      all.push({ kind: "bad", run: deliver });
    }
    if (crashes < 4) {
      all.push({ kind: "crash", run: () => crash(false) }, { kind: "crash", run: () => crash(true) });
    }
    return all;
  }

  react({ kind: "started", deadlineAtMs: undefined, traceparent: "" });
  makeDurable();
  for (let turn = 0; !hasEnded(state); turn++) {
    const open = actions().filter(({ kind }) => turn < badChoices || kind === "good");
    const action = open[choices() % Math.max(1, open.length)];
    if (action === undefined) {
      throw new Error(`nothing moves a saga that is ${state.phase}: ${JSON.stringify(state)}`);
    }
    action.run();
  }
  return { plan, state, calls, applied, undone, crashes };
}

/** The same structure with other numbers of attempts: a deployment may change these while sagas are in flight. */
function otherPolicy(plan: SagaPlan): SagaPlan {
  const other = { maxAttempts: 2, initialBackoffMs: 1, maxBackoffMs: 1, multiplier: 1 };
  const steps = plan.steps.map((step) => ({
    ...step,
    retry: other,
    ...(step.compensation === undefined ? {} : { compensation: { retry: other } }),
  }));
  return { ...plan, steps };
}

function failureOf(code: number): Failure {
  return { code, message: "no", reason: "SAGA_STEP_FAILED", beforeCall: false };
}
