import { isDeepStrictEqual } from "node:util";
import type { Broker } from "../broker/broker.js";
import { saysUndone } from "../core/backward.js";
import { isSagaError, SagaError } from "../core/errors.js";
import type { Command, SagaEvent } from "../core/event.js";
import type { Transition } from "../core/outcome.js";
import { hasEnded, isPastPivot, isPivotInDoubt, mayCall, mayCompensate, type SagaState, stepOf } from "../core/state.js";
import { Status, statusName } from "../core/status.js";
import { statusText } from "../core/status-text.js";
import { transition } from "../core/transition.js";
import type { FacadeDefinition, StepDefinition } from "../facade/definition.js";
import type { Answer, Entry, Journal, Message, StoredMessage, StoredPhase } from "../journal/journal.js";
import { encodeRecord, type RecordedEvent } from "../journal/record.js";
import { awaits, deliveryOf, messageOf, rollback, topicOf } from "./messages.js";
import type { Clock, Log, UpstreamCall, UpstreamOutcome, Upstreams } from "./ports.js";
import { type Built, build, nodeFailure, type SagaValues, stepDefinition } from "./saga-values.js";

/** What an execution works with, and whom it reports to. */
export interface ExecutionHost {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a saga that waits for nothing but a message is released: any server may get the message. */
  readonly releasesWaiting: boolean;
  /** The message on the completion topic for a saga that has ended; undefined if there is no such topic. */
  completion(values: SagaValues, state: SagaState): Message | undefined;
  /** An entry is durable, and with it these messages. Must not throw. */
  stored(execution: SagaExecution, messages: readonly StoredMessage[]): void;
  /** The execution is over, whatever becomes of the saga. Must not throw. */
  released(execution: SagaExecution, release: Release): void;
  /** The last call in flight of a released execution has ended. Must not throw. */
  settled(execution: SagaExecution): void;
}

/** Why an execution is over. */
export type Release =
  /** The saga is COMPLETED, COMPENSATED or STUCK. */
  | { readonly why: "ended" }
  /** The journal already has a saga with this id. Nothing was stored, and no call left. */
  | { readonly why: "exists" }
  /** The saga waits for a message that any server may get. */
  | { readonly why: "waiting" }
  /** The journal has an entry with the number of ours: another server, or an earlier try of ours, wrote it. */
  | { readonly why: "conflict" }
  /** The journal could not store an entry, or a bug of protosaga's. Recovery continues from the journal. */
  | { readonly why: "suspended"; readonly error: unknown }
  /** The saga can't continue on this server. */
  | { readonly why: "stopped"; readonly error: unknown };

/** Permission to handle one message of a topic. It is held until what the message asked for is done, or waits for another message. */
export interface Slot {
  release(): void;
  /** This server can't say what becomes of the message: it is to be delivered again. */
  fail(error: unknown): void;
}

type OperatorEvent = Extract<SagaEvent, { readonly kind: "operator-retried" | "operator-skipped" }>;
type CallCommand = Extract<Command, { readonly kind: "call" | "compensate" }>;
type NodeCommand = CallCommand | Extract<Command, { readonly kind: "respond" }>;

/** What the loop takes in. */
type Input =
  | { readonly kind: "event"; readonly event: SagaEvent }
  /** An operator acts. `done` learns whether the act is durable. */
  | { readonly kind: "act"; readonly event: OperatorEvent; readonly done: Completer }
  /** The saga was found in the journal. `waitedMs`: how long ago it last moved. `resend`: the messages that it waits for. */
  | { readonly kind: "recover"; readonly waitedMs: number; readonly resend: boolean }
  | DeliveryInput
  /** The wait before a command is over. */
  | { readonly kind: "command"; readonly command: Command }
  /** Node code that did not return at once has returned. */
  | { readonly kind: "built"; readonly command: NodeCommand; readonly built: Built };

/** A message arrived, or a slot of its topic is free. */
interface DeliveryInput {
  readonly kind: "delivery";
  /** The step's position, or `rollback`. */
  readonly at: number;
  readonly slot: Slot;
}

interface Completer {
  resolve(): void;
  reject(error: unknown): void;
}

interface AnswerWaiter {
  resolve(answer: Answer | "elsewhere"): void;
  reject(error: unknown): void;
}

/** What follows from the inputs that are there: becomes one entry. */
interface Turn {
  state: SagaState;
  readonly events: RecordedEvent[];
  readonly commands: Command[];
  /** The calls that may leave once the entry is durable. */
  readonly calls: CallCommand[];
  /** The messages to publish then. The state asks for them: after a crash they are published again. */
  readonly messages: Message[];
  readonly completers: Completer[];
  waitedMs: number;
}

/** How long `respond`, or a `compensate` without a compensation's timeout, may take, ms. */
const respondTimeoutMs = 10_000;

/**
 * Runs one saga in memory. Inputs are folded into a turn, the turn is stored as one entry, and only then its effects are
 * performed; one entry is in flight, ever.
 *
 * Phases: "idle" (nothing to do until an input arrives) → "running" (the loop works) → "idle" or "released". "released"
 * is final: the saga ended, or the journal decides what becomes of it, and later inputs change nothing.
 */
export class SagaExecution {
  readonly id: string;
  readonly facade: FacadeDefinition;
  readonly values: SagaValues;
  readonly #host: ExecutionHost;
  #phase: "idle" | "running" | "released" = "idle";
  /** As the journal has it. */
  #state: SagaState;
  /** The number of the next entry. */
  #seq: number;
  #answer: Answer | undefined;
  readonly #inbox: Input[] = [];
  readonly #timers = new Set<() => void>();
  #cancelDeadline: (() => void) | undefined;
  readonly #slots = new Map<number, Slot[]>();
  #callsInFlight = 0;
  #nodesRunning = 0;
  #answerWaiters: AnswerWaiter[] = [];
  #changeListeners: (() => void)[] = [];

  /** @param seq how many entries the journal has of the saga; `state` and `answer` are what they say */
  constructor(host: ExecutionHost, values: SagaValues, state: SagaState, seq: number, answer?: Answer) {
    this.#host = host;
    this.id = values.sagaId;
    this.facade = values.facade;
    this.values = values;
    this.#state = state;
    this.#seq = seq;
    this.#answer = answer;
  }

  /** The saga as the journal has it. */
  get state(): SagaState {
    return this.#state;
  }

  /** How many entries the journal has of the saga. 0: it has yet to say whether the id is free. */
  get seq(): number {
    return this.#seq;
  }

  get isReleased(): boolean {
    return this.#phase === "released";
  }

  /** Whether no call of a released execution is in flight any more. */
  get isSettled(): boolean {
    return this.isReleased && this.#callsInFlight === 0;
  }

  /** Whether nothing of the saga is under way here: it waits for a timer, a slot or a message. */
  get isStill(): boolean {
    return this.#phase !== "running" && this.#callsInFlight === 0 && this.#nodesRunning === 0;
  }

  /** Whether the saga has a timer here, its deadline's included. */
  get hasTimer(): boolean {
    return this.#timers.size > 0 || this.#cancelDeadline !== undefined;
  }

  get callsInFlight(): number {
    return this.#callsInFlight;
  }

  /** Begins the saga. */
  begin(deadlineAtMs: number | undefined, traceparent: string): void {
    this.#dispatch({ kind: "event", event: { kind: "started", deadlineAtMs, traceparent } });
  }

  /** Continues a saga that was found in the journal, and last moved so long ago, ms; messages that it waits for are sent again. */
  recover(waitedMs: number): void {
    this.#dispatch({ kind: "recover", waitedMs, resend: true });
  }

  /** The same for one whose message arrived. */
  recoverWith(waitedMs: number, at: number, slot: Slot): void {
    this.#dispatch({ kind: "recover", waitedMs, resend: false }, { kind: "delivery", at, slot });
  }

  /** A message arrived. Its slot is released once the message's work is done, or at once if the saga does not wait for it. */
  deliver(at: number, slot: Slot): void {
    this.#dispatch({ kind: "delivery", at, slot });
  }

  /** Carries out an operator's act. Resolves once it is durable. @throws SagaError SAGA_NOT_STUCK */
  act(event: OperatorEvent): Promise<void> {
    return new Promise((resolve, reject) => this.#dispatch({ kind: "act", event, done: { resolve, reject } }));
  }

  /**
   * The answer for the saga's clients, once it is durable; "elsewhere" if another server runs the saga, or the id is
   * another saga's: the journal knows. Rejects if this server can't say how the saga goes on.
   */
  answer(): Promise<Answer | "elsewhere"> {
    return this.#answer === undefined
      ? new Promise((resolve, reject) => this.#answerWaiters.push({ resolve, reject }))
      : Promise.resolve(this.#answer);
  }

  /** Resolves when an entry is stored, the execution becomes idle or is released, or its last call has ended. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#changeListeners.push(resolve));
  }

  /** Ends the execution. Slots that are held fail, and clients that wait look elsewhere or get the error. */
  release(release: Release): void {
    if (this.#phase === "released") {
      return;
    }
    this.#phase = "released";
    for (const cancel of this.#timers) {
      cancel();
    }
    this.#timers.clear();
    this.#endDeadline();
    const error = "error" in release ? release.error : elsewhere(this.id);
    for (const input of this.#inbox.splice(0)) {
      discard(input, error);
    }
    for (const slot of [...this.#slots.values()].flat()) {
      slot.fail(error);
    }
    this.#slots.clear();
    for (const waiter of this.#answerWaiters.splice(0)) {
      if ("error" in release) {
        waiter.reject(release.error);
      } else {
        waiter.resolve("elsewhere");
      }
    }
    this.#host.released(this, release);
    this.#changed();
  }

  #dispatch(...inputs: Input[]): void {
    if (this.#phase === "released") {
      for (const input of inputs) {
        discard(input, elsewhere(this.id));
      }
      return;
    }
    this.#inbox.push(...inputs);
    if (this.#phase === "idle") {
      this.#phase = "running";
      void this.#loop();
    }
  }

  async #loop(): Promise<void> {
    try {
      while (this.#inbox.length > 0) {
        const turn = this.#takeTurn();
        if (turn.events.length > 0 && !(await this.#store(turn))) {
          return;
        }
        this.#perform(turn);
      }
      this.#phase = "idle";
      this.#rest();
    } catch (error) {
      this.release({ why: "suspended", error }); // A bug of ours must not end the server, or other sagas.
    }
  }

  /** Nothing is left to do now: keeps the execution, or lets go of it. */
  #rest(): void {
    if (hasEnded(this.#state)) {
      this.release({ why: "ended" });
    } else if (this.#host.releasesWaiting && this.isStill && !this.hasTimer && this.#slots.size === 0) {
      this.release({ why: "waiting" });
    } else {
      this.#changed();
    }
  }

  // Inputs to a turn

  #takeTurn(): Turn {
    const turn: Turn = {
      state: this.#state,
      events: [],
      commands: [],
      calls: [],
      messages: [],
      completers: [],
      waitedMs: 0,
    };
    for (;;) {
      const command = turn.commands.shift();
      if (command !== undefined) {
        this.#carryOut(turn, command);
        continue;
      }
      const input = this.#inbox.shift();
      if (input === undefined) {
        return turn;
      }
      this.#take(turn, input);
    }
  }

  #take(turn: Turn, input: Input): void {
    switch (input.kind) {
      case "event":
        this.#record(turn, input.event);
        return;
      case "act":
        if (turn.state.steps[input.event.step]?.undo === "stuck") {
          turn.completers.push(input.done);
          this.#record(turn, input.event);
        } else {
          input.done.reject(notStuck(this.id));
        }
        return;
      case "recover":
        this.#takeRecover(turn, input.waitedMs, input.resend);
        return;
      case "delivery":
        if (awaits(turn.state, input.at)) {
          this.#slots.set(input.at, [...(this.#slots.get(input.at) ?? []), input.slot]);
          this.#record(turn, deliveryOf(input.at));
        } else {
          input.slot.release(); // The message is a duplicate or late.
        }
        return;
      case "command":
        turn.commands.push(input.command);
        return;
      case "built":
        if (isWanted(turn.state, input.command)) {
          this.#built(turn, input.command, input.built);
        }
    }
  }

  #takeRecover(turn: Turn, waitedMs: number, resend: boolean): void {
    const recovered = transition(this.facade, turn.state, { kind: "recovered" });
    turn.waitedMs = waitedMs;
    if (waitsForMessages(turn.state, recovered)) {
      turn.commands.push(...(resend ? recovered.commands : [])); // There is nothing to record.
    } else {
      this.#record(turn, { kind: "recovered" });
    }
    this.#watchDeadline(turn);
  }

  #record(turn: Turn, event: SagaEvent): void {
    const { state, commands, unexpected, decided = event } = transition(this.facade, turn.state, event);
    turn.events.push(unexpected === undefined ? { event: decided } : { event, unexpected });
    turn.state = state;
    turn.commands.push(...commands);
    if (unexpected !== undefined) {
      // A deadline that passes while the pivot may have happened is nobody's mistake.
      const level = event.kind === "deadline-passed" ? "debug" : "warn";
      this.#host.log[level](
        { saga: this.id, event: event.kind, verdict: unexpected },
        "unexpected event, nothing changed",
      );
    }
    if (event.kind === "started") {
      this.#watchDeadline(turn);
    } else if (state.phase !== "running" || isPastPivot(this.facade, state)) {
      this.#endDeadline();
    }
  }

  #watchDeadline(turn: Turn): void {
    const { deadlineAtMs, phase } = turn.state;
    if (deadlineAtMs === undefined || phase !== "running" || isPastPivot(this.facade, turn.state)) {
      return;
    }
    const leftMs = deadlineAtMs - this.#host.clock.now();
    if (leftMs <= 0) {
      this.#record(turn, { kind: "deadline-passed" }); // Before a call is built.
      return;
    }
    this.#endDeadline();
    this.#cancelDeadline = this.#host.clock.after(leftMs, () => {
      this.#cancelDeadline = undefined;
      this.#dispatch({ kind: "event", event: { kind: "deadline-passed" } });
    });
  }

  #endDeadline(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
  }

  // Commands of the state machine, up to the point where something must be durable first

  #carryOut(turn: Turn, command: Command): void {
    const waitMs = "waitBoundMs" in command ? command.waitBoundMs - turn.waitedMs : 0;
    if (waitMs > 0 && "waitBoundMs" in command) {
      // Full jitter: clients that failed together do not come back together.
      const due = { ...command, waitBoundMs: 0 };
      this.#after(waitMs * this.#host.clock.random(), () => this.#dispatch({ kind: "command", command: due }));
      return;
    }
    switch (command.kind) {
      case "queue-step":
        this.#enqueue(turn, command.step);
        return;
      case "queue-rollback":
        this.#enqueue(turn, rollback);
        return;
      default:
        if (isWanted(turn.state, command)) {
          this.#build(turn, command);
        }
    }
  }

  /** Asks for a step, or the rollback, on its topic: with a slot if the broker gives slots, else with a message. */
  #enqueue(turn: Turn, at: number): void {
    if (!awaits(turn.state, at)) {
      return;
    }
    const { slots } = this.#host.broker;
    const topic = topicOf(this.facade, at);
    if (slots === undefined) {
      turn.messages.push(messageOf(this.#host, this.values, turn.state, at));
      return;
    }
    const release = slots.claim(topic, this.id);
    if (release === undefined) {
      slots.wait(topic, this.id, (free) => this.deliver(at, { release: free, fail: free }));
    } else {
      this.#take(turn, { kind: "delivery", at, slot: { release, fail: release } });
    }
  }

  /** Has the node build what a command sends, unless an earlier attempt sent it. */
  #build(turn: Turn, command: NodeCommand): void {
    if (wasSent(turn.state, command)) {
      this.#built(turn, command, undefined);
      return;
    }
    const { values, facade } = this;
    let built: Built | Promise<Built>;
    let timeoutMs = respondTimeoutMs;
    if (command.kind === "respond") {
      built = build(() => facade.respond(values.stepContext(turn.state, Number.POSITIVE_INFINITY)), facade.response);
    } else {
      const step = stepDefinition(facade, command.step);
      if (command.kind === "call") {
        timeoutMs = step.timeoutMs;
        built = build(() => step.node.request(values.stepContext(turn.state, step.group)), step.request);
      } else {
        timeoutMs = step.compensation?.timeoutMs ?? respondTimeoutMs;
        built = build(
          () => step.node.compensate?.(values.compensateContext(turn.state, command.step)),
          step.compensation?.request,
        );
      }
    }
    if (built instanceof Promise) {
      this.#awaitNode(command, built, timeoutMs);
    } else {
      this.#built(turn, command, built);
    }
  }

  /** Node code that never returns is given up, or its saga would wait for ever. */
  #awaitNode(command: NodeCommand, building: Promise<Built>, timeoutMs: number): void {
    this.#nodesRunning++;
    let done = false;
    const finish = (built: Built) => {
      if (!done) {
        done = true;
        cancel();
        this.#nodesRunning--;
        this.#dispatch({ kind: "built", command, built });
      }
    };
    const cancel = this.#after(timeoutMs, () => {
      finish({ error: new Error(`it did not return within ${timeoutMs} ms`) });
    });
    void building.then(finish);
  }

  /** @param built undefined if an earlier attempt sent the same */
  #built(turn: Turn, command: NodeCommand, built: Built | undefined): void {
    if (built !== undefined && "error" in built) {
      this.#nodeFailed(turn, command, built.error);
      return;
    }
    const sent = built === undefined ? {} : { sent: built.bytes };
    switch (command.kind) {
      case "respond":
        this.#record(turn, { kind: "responded", response: built?.bytes ?? new Uint8Array() });
        return;
      case "call":
        this.#record(turn, { kind: "step-called", step: command.step, attempt: command.attempt, ...sent });
        turn.calls.push(command);
        return;
      case "compensate":
        this.#record(turn, { kind: "compensation-called", step: command.step, attempt: command.attempt, ...sent });
        turn.calls.push(command);
    }
  }

  #nodeFailed(turn: Turn, command: NodeCommand, error: unknown): void {
    if (command.kind === "respond") {
      const failure = nodeFailure(error, "node respond");
      const reason = failure.reason === "SAGA_NODE_FAILED" ? "SAGA_RESPOND_FAILED" : failure.reason;
      this.#record(turn, { kind: "respond-failed", failure: { ...failure, reason } });
      return;
    }
    const { name } = stepDefinition(this.facade, command.step);
    if (command.kind === "call") {
      this.#record(turn, { kind: "step-failed", step: command.step, failure: nodeFailure(error, `node ${name}`) });
      return;
    }
    const about = { saga: this.id, step: name, err: error };
    this.#host.log.warn(about, "the node failed to build the compensation's request");
    const failure = nodeFailure(error, `node ${name}, compensate`);
    this.#record(turn, { kind: "compensation-failed", step: command.step, failure });
  }

  // The entry and its effects

  /** @returns whether the entry is durable */
  async #store(turn: Turn): Promise<boolean> {
    const { journal, clock } = this.#host;
    const { state } = turn;
    const answer = this.#answer === undefined ? answerOf(this.facade, state) : undefined;
    const completion = isFinal(state) && !isFinal(this.#state) ? this.#host.completion(this.values, state) : undefined;
    const entry: Entry = {
      sagaId: this.id,
      seq: this.#seq,
      record: encodeRecord(clock.now(), turn.events),
      phase: storedPhase(state),
      messages: completion === undefined ? [] : [completion],
      ...(answer === undefined ? {} : { answer }),
    };
    let stored: readonly StoredMessage[] | "exists";
    try {
      if (this.#seq === 0) {
        const { name: facade, fingerprint } = this.facade;
        stored = await journal.create({ ...entry, facade, fingerprint, request: this.values.requestBytes });
      } else {
        stored = await journal.append(entry);
      }
    } catch (error) {
      const conflict = isSagaError(error) && error.code === "SAGA_JOURNAL_CONFLICT";
      this.#refused(turn, conflict ? { why: "conflict" } : { why: "suspended", error }, error);
      return false;
    }
    if (stored === "exists" || this.isReleased) {
      this.#refused(turn, { why: "exists" }, elsewhere(this.id));
      return false;
    }
    this.#seq++;
    this.#state = state;
    this.#host.stored(this, stored);
    if (answer !== undefined) {
      this.#answer = answer;
      for (const waiter of this.#answerWaiters.splice(0)) {
        waiter.resolve(answer);
      }
    }
    return true;
  }

  #refused(turn: Turn, release: Release, error: unknown): void {
    for (const { reject } of turn.completers) {
      reject(error);
    }
    this.release(release);
  }

  #perform(turn: Turn): void {
    if (turn.messages.length > 0) {
      void this.#host.broker.publish(turn.messages);
    }
    for (const command of turn.calls) {
      this.#call(command);
    }
    for (const [at, slots] of this.#slots) {
      if (at === rollback ? rollbackRests(this.#state) : stepRests(this.#state, at)) {
        this.#slots.delete(at);
        for (const slot of slots) {
          slot.release();
        }
      }
    }
    for (const { resolve } of turn.completers) {
      resolve();
    }
    this.#changed();
  }

  /** Makes a call that the journal says may leave. */
  #call(command: CallCommand): void {
    const { upstreams, broker } = this.#host;
    const step = stepDefinition(this.facade, command.step);
    const call = command.kind === "call" ? this.#stepCall(step, command.step) : this.#compensation(step, command.step);
    this.#callsInFlight++;
    upstreams.call(call).then(
      (outcome) => {
        this.#callsInFlight--;
        if (this.isReleased) {
          this.#host.settled(this);
          this.#changed();
          return;
        }
        if (command.kind === "call") {
          if (broker.slots !== undefined) {
            this.#releaseSlots(command.step); // A slot there is only a slot: it is free as soon as the upstream has answered.
          }
          this.#stepAnswered(step, command, this.#readable(step, outcome));
        } else {
          this.#compensationAnswered(step, command, outcome);
        }
      },
      (error) => {
        this.#callsInFlight--;
        this.release({ why: "suspended", error });
        this.#host.settled(this);
      },
    );
  }

  #stepCall(step: StepDefinition, at: number): UpstreamCall {
    return {
      service: step.service,
      path: step.path,
      body: stepOf(this.#state, at).sent ?? new Uint8Array(),
      timeoutMs: this.#boundedByDeadline(step.timeoutMs),
      sagaId: this.id,
      idempotencyKey: `${this.id}/${step.name}`,
      retriable: isPastPivot(this.facade, this.#state),
      traceparent: this.#state.traceparent,
    };
  }

  #compensation({ service, path, timeoutMs, name, compensation }: StepDefinition, at: number): UpstreamCall {
    return {
      service,
      path: compensation?.path ?? path,
      body: stepOf(this.#state, at).undoSent ?? new Uint8Array(),
      timeoutMs: compensation?.timeoutMs ?? timeoutMs,
      sagaId: this.id,
      idempotencyKey: `${this.id}/${name}/compensate`,
      retriable: false,
      traceparent: this.#state.traceparent,
    };
  }

  /**
   * The smaller of the step's timeout and what the saga's deadline leaves. Past the pivot there is no deadline; past the
   * deadline there is none either while the pivot may have happened, or no attempt could ever settle that.
   */
  #boundedByDeadline(timeoutMs: number): number {
    const { deadlineAtMs } = this.#state;
    if (deadlineAtMs === undefined || isPastPivot(this.facade, this.#state)) {
      return timeoutMs;
    }
    const leftMs = deadlineAtMs - this.#host.clock.now();
    if (leftMs <= 0 && isPivotInDoubt(this.facade, this.#state)) {
      return timeoutMs;
    }
    return Math.max(1, Math.min(timeoutMs, leftMs));
  }

  /** A response that can't be decoded is as unknown as one that was lost: the call may have taken effect. */
  #readable(step: StepDefinition, outcome: UpstreamOutcome): UpstreamOutcome {
    if (outcome.ok) {
      try {
        this.values.result(step, outcome.body);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const message = `the response of ${step.path} can't be decoded: ${why}`;
        return { ok: false, code: Status.INTERNAL, message };
      }
    }
    return outcome;
  }

  #stepAnswered(step: StepDefinition, { step: at, attempt }: CallCommand, outcome: UpstreamOutcome): void {
    if (outcome.ok) {
      this.#dispatch({ kind: "event", event: { kind: "step-succeeded", step: at, received: outcome.body } });
      return;
    }
    const about = { saga: this.id, step: step.name, status: statusName(outcome.code), attempt };
    this.#host.log.info(about, `step attempt failed: ${outcome.message}`);
    this.#dispatch({ kind: "event", event: { kind: "step-failed", step: at, attempt, failure: failureOf(outcome) } });
  }

  #compensationAnswered(step: StepDefinition, { step: at, attempt }: CallCommand, outcome: UpstreamOutcome): void {
    if (outcome.ok) {
      this.#dispatch({ kind: "event", event: { kind: "compensation-succeeded", step: at } });
      return;
    }
    const failure = failureOf(outcome);
    const about = { saga: this.id, step: step.name, status: statusName(outcome.code), attempt };
    if (saysUndone(stepOf(this.#state, at), failure)) {
      this.#host.log.info(about, `compensation found nothing to compensate: ${outcome.message}`);
    } else {
      this.#host.log.warn(about, `compensation attempt failed: ${outcome.message}`);
    }
    this.#dispatch({ kind: "event", event: { kind: "compensation-failed", step: at, attempt, failure } });
  }

  #releaseSlots(at: number): void {
    const slots = this.#slots.get(at) ?? [];
    this.#slots.delete(at);
    for (const slot of slots) {
      slot.release();
    }
  }

  #after(ms: number, action: () => void): () => void {
    const cancel = this.#host.clock.after(ms, () => {
      this.#timers.delete(cancel);
      action();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  #changed(): void {
    for (const resolve of this.#changeListeners.splice(0)) {
      resolve();
    }
  }
}

/** Whether a saga that is found in the journal waits for messages and for nothing else, so that there is nothing to record. */
export function waitsForMessages(state: SagaState, recovered: Transition): boolean {
  const queues = recovered.commands.every(({ kind }) => kind === "queue-step" || kind === "queue-rollback");
  return queues && recovered.commands.length > 0 && isDeepStrictEqual(recovered.state, state);
}

/** The answer for a saga's clients; undefined while it is undecided. An async facade answers before any step has run. */
export function answerOf(facade: FacadeDefinition, state: SagaState): Answer | undefined {
  if (state.response !== undefined && (state.phase === "completed" || facade.mode === "async")) {
    return { ok: true, response: state.response };
  }
  if (state.failure === undefined) {
    return undefined;
  }
  const { step, ...failure } = state.failure;
  return { ok: false, failure, step: step === undefined ? undefined : facade.steps[step]?.name };
}

/** Whether what a command asks for is still wanted: the saga may have turned back since. */
function isWanted(state: SagaState, command: NodeCommand): boolean {
  switch (command.kind) {
    case "call":
      return mayCall(state, command.step) && stepOf(state, command.step).attempts + 1 === command.attempt;
    case "compensate":
      return mayCompensate(state, command.step) && stepOf(state, command.step).undoAttempts + 1 === command.attempt;
    case "respond":
      return state.phase === "running";
  }
}

function wasSent(state: SagaState, command: NodeCommand): boolean {
  if (command.kind === "respond") {
    return false;
  }
  const { sent, undoSent } = stepOf(state, command.step);
  return (command.kind === "call" ? sent : undoSent) !== undefined;
}

/** What inputs of a released execution are refused with: the journal says how far the saga is. */
function elsewhere(sagaId: string): SagaError {
  return new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${sagaId} was released here; the journal decides`);
}

/** What an operator's act is refused with. */
export function notStuck(sagaId: string): SagaError {
  return new SagaError("SAGA_NOT_STUCK", `saga ${sagaId} has no stuck compensation of that step`);
}

function discard(input: Input, error: unknown): void {
  if (input.kind === "delivery") {
    input.slot.fail(error);
  } else if (input.kind === "act") {
    input.done.reject(error);
  }
}

function isFinal({ phase }: SagaState): boolean {
  return phase === "completed" || phase === "compensated";
}

function storedPhase({ phase }: SagaState): StoredPhase {
  return phase === "completed" || phase === "compensated" || phase === "stuck" ? phase : "open";
}

function stepRests(state: SagaState, at: number): boolean {
  const { status } = stepOf(state, at);
  return status !== "due" && status !== "calling";
}

/** A compensation that waits for its next attempt rests, too. */
function rollbackRests({ phase, steps }: SagaState): boolean {
  const busy = steps.some(({ undo, undoAttempts }) => undo === "calling" || (undo === "due" && undoAttempts === 0));
  const calling = steps.some(({ status }) => status === "calling");
  return phase !== "rollback-queued" && !busy && !(calling && phase === "compensating");
}

function failureOf({ code, message }: Extract<UpstreamOutcome, { readonly ok: false }>) {
  return { code, message: statusText(message), reason: "SAGA_STEP_FAILED", beforeCall: false };
}
