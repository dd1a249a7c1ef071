import type { Broker } from "../broker/broker.js";
import { isSagaError, SagaError } from "../core/errors.js";
import type { Command, SagaEvent } from "../core/event.js";
import { hasEnded, isPastPivot, type SagaState } from "../core/state.js";
import { Status } from "../core/status.js";
import { transition } from "../core/transition.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer, Entry, Journal, Message, StoredMessage } from "../journal/journal.js";
import { encodeRecord } from "../journal/record.js";
import { messageOf } from "./messages.js";
import type { Clock, Log, SagaHooks, UpstreamOutcome, Upstreams } from "./ports.js";
import { nodeFailure, type SagaValues, stepDefinition } from "./saga-values.js";
import {
  answerOf,
  awaits,
  type Built,
  type CallCommand,
  deliveryOf,
  emptyTurn,
  hasDeadline,
  type Input,
  isFinal,
  isWanted,
  type NodeCommand,
  type OperatorEvent,
  rests,
  rollback,
  type Slot,
  storedPhase,
  type Turn,
  topicOf,
  waitsForMessages,
  wasSent,
} from "./turn.js";
import { attemptRef, outcomeEvent, upstreamCall } from "./upstream-calls.js";

/** What an execution works with, and what it reports to. */
export interface ExecutionHost {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  readonly hooks?: SagaHooks | undefined;
  /** Whether a saga that waits for nothing but a message is released: any server may get the message. */
  readonly releasesWaiting: boolean;
  /** The message on the completion topic for a saga that has ended; undefined if there is no such topic. */
  completion(values: SagaValues, state: SagaState): Message | undefined;
  /**
   * Watches a saga that is kept while it waits for a message: another server may get it. Must not throw.
   * @returns a function that ends it
   */
  watch(execution: SagaExecution): () => void;
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
  /** The journal could not store an entry, or protosaga has a bug. Recovery continues from the journal. */
  | { readonly why: "suspended"; readonly error: unknown }
  /** The server stops. */
  | { readonly why: "stopped"; readonly error: unknown };

/** A client's wait for the answer. */
interface AnswerWaiter {
  resolve(answer: Answer | "released"): void;
  reject(error: unknown): void;
}

/**
 * Runs one saga in memory. Inputs are folded into a turn, the turn is stored as one entry, and only then its effects
 * are performed; one entry is in flight, ever.
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
  #state: SagaState;
  #seq: number;
  #answer: Answer | undefined;
  readonly #inbox: Input[] = [];
  readonly #timers = new Set<() => void>();
  #cancelDeadline: (() => void) | undefined;
  readonly #slots = new Map<number, Slot[]>();
  #callsInFlight = 0;
  #nodesRunning = 0;
  readonly #answerWaiters: AnswerWaiter[] = [];
  readonly #changeListeners: (() => void)[] = [];
  #unwatch: (() => void) | undefined;

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

  /**
   * Continues a saga that was found in the journal, and last moved so long ago, ms; messages that it waits for are sent
   * again.
   */
  recover(waitedMs: number): void {
    this.#dispatch({ kind: "recover", waitedMs, resend: true });
  }

  /** The same for one whose message arrived. */
  recoverWith(waitedMs: number, at: number, slot: Slot): void {
    this.#dispatch({ kind: "recover", waitedMs, resend: false }, { kind: "delivery", at, slot });
  }

  /**
   * A message arrived. Its slot is released once the message's work is done, or at once if the saga does not wait for
   * it.
   */
  deliver(at: number, slot: Slot): void {
    this.#dispatch({ kind: "delivery", at, slot });
  }

  /** Carries out an operator's act. Resolves once it is durable. @throws SagaError SAGA_NOT_STUCK */
  act(event: OperatorEvent): Promise<void> {
    return new Promise((resolve, reject) => this.#dispatch({ kind: "act", event, done: { resolve, reject } }));
  }

  /**
   * The answer for the saga's clients, once it is durable; "released" if another server runs the saga, or the id is
   * another saga's: the journal knows. Rejects if this server can't say how the saga goes on.
   */
  answer(): Promise<Answer | "released"> {
    return this.#answer === undefined
      ? new Promise((resolve, reject) => this.#answerWaiters.push({ resolve, reject }))
      : Promise.resolve(this.#answer);
  }

  /** Resolves when an entry is stored, the execution becomes idle or is released, or its last call has ended. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#changeListeners.push(resolve));
  }

  /** Ends the execution. Slots that are held fail; clients that wait look in the journal, or get the error. */
  release(release: Release): void {
    if (this.isReleased) {
      return;
    }
    this.#phase = "released";
    this.#unwatch?.();
    for (const cancel of this.#timers) {
      cancel();
    }
    this.#timers.clear();
    this.#endDeadline();
    // An error is made only if something gets it: its stack takes time.
    const error = () => ("error" in release ? release.error : releasedHere(this.id));
    for (const input of this.#inbox.splice(0)) {
      discard(input, error());
    }
    // mutation: release-gives-slots-back
    for (const slot of [...this.#slots.values()].flat()) {
      slot.fail(error());
    }
    this.#slots.clear();
    for (const waiter of this.#answerWaiters.splice(0)) {
      if ("error" in release) {
        waiter.reject(release.error);
      } else {
        // mutation: release-redirects-clients
        waiter.resolve("released");
      }
    }
    this.#host.released(this, release);
    this.#changed();
  }

  #dispatch(...inputs: Input[]): void {
    if (this.isReleased) {
      for (const input of inputs) {
        discard(input, releasedHere(this.id));
      }
      return;
    }
    this.#inbox.push(...inputs);
    // mutation: one-entry-in-flight
    if (this.#phase === "idle") {
      this.#phase = "running";
      void this.#loop();
    }
  }

  async #loop(): Promise<void> {
    let turn = emptyTurn(this.#state);
    try {
      while (this.#inbox.length > 0) {
        turn = emptyTurn(this.#state);
        this.#fill(turn);
        if (turn.events.length > 0 && !(await this.#store(turn))) {
          return;
        }
        this.#perform(turn);
      }
      this.#phase = "idle";
      this.#rest();
    } catch (error) {
      this.#refused(turn, { why: "suspended", error }, error); // A bug of ours must not end the server, or other sagas.
    }
  }

  /** Nothing is left to do now: keeps the execution, or lets go of it. */
  #rest(): void {
    const waits = this.#host.releasesWaiting && this.isStill && this.#timers.size === 0 && this.#slots.size === 0;
    if (hasEnded(this.#state)) {
      this.release({ why: "ended" });
      return;
    }
    // mutation: keep-while-deadline-is-watched
    if (waits && this.#cancelDeadline === undefined) {
      this.release({ why: "waiting" });
      return;
    }
    if (waits) {
      this.#unwatch ??= this.#host.watch(this);
    }
    this.#changed();
  }

  // From inputs to a turn

  /** Folds all inputs that are there into a turn. */
  #fill(turn: Turn): void {
    for (;;) {
      const command = turn.commands.shift();
      const input = command === undefined ? this.#inbox.shift() : undefined;
      if (command !== undefined) {
        this.#carryOut(turn, command);
      } else if (input !== undefined) {
        this.#take(turn, input);
      } else {
        return;
      }
    }
  }

  #take(turn: Turn, input: Input): void {
    switch (input.kind) {
      case "event":
        this.#record(turn, input.event);
        return;
      case "deadline":
        if (hasDeadline(this.facade, turn.state)) {
          this.#record(turn, { kind: "deadline-passed" });
        }
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
        // mutation: deliver-only-awaited-messages
        if (awaits(turn.state, input.at)) {
          // mutation: duplicate-keeps-first-slot
          this.#slots.set(input.at, [...(this.#slots.get(input.at) ?? []), input.slot]);
          this.#record(turn, deliveryOf(input.at));
        } else {
          input.slot.release(); // The message is a duplicate, or late.
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
    // mutation: recovery-watches-deadline
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
      const about = { saga: this.id, event: event.kind, verdict: unexpected };
      this.#host.log[level](about, "unexpected event, nothing changed");
    }
    if (event.kind === "started") {
      this.#watchDeadline(turn);
    } else if (state.phase !== "running" || isPastPivot(this.facade, state)) {
      // mutation: deadline-ends-with-running
      this.#endDeadline();
    }
  }

  #watchDeadline(turn: Turn): void {
    const { deadlineAtMs } = turn.state;
    if (deadlineAtMs === undefined || !hasDeadline(this.facade, turn.state)) {
      return;
    }
    const leftMs = deadlineAtMs - this.#host.clock.now();
    this.#endDeadline();
    if (leftMs <= 0) {
      this.#record(turn, { kind: "deadline-passed" }); // Before a call is built.
      return;
    }
    this.#cancelDeadline = this.#host.clock.after(leftMs, () => {
      this.#cancelDeadline = undefined;
      this.#dispatch({ kind: "deadline" });
    });
  }

  #endDeadline(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
  }

  // Commands of the state machine, up to the point where something must be durable first

  #carryOut(turn: Turn, command: Command): void {
    if ("waitBoundMs" in command && command.waitBoundMs > turn.waitedMs) {
      // Full jitter: clients that failed together do not come back together.
      const waitMs = (command.waitBoundMs - turn.waitedMs) * this.#host.clock.random();
      this.#after(waitMs, () => this.#dispatch({ kind: "command", command: { ...command, waitBoundMs: 0 } }));
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
    const { slots } = this.#host.broker;
    // mutation: queue-only-awaited-steps
    if (!awaits(turn.state, at)) {
      return;
    }
    if (slots === undefined) {
      turn.messages.push(messageOf(this.#host, this.values, turn.state, at));
      return;
    }
    const topic = topicOf(this.facade, at);
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
    const { built, timeoutMs } = this.values.build(turn.state, command);
    if (!(built instanceof Promise)) {
      this.#built(turn, command, built);
      return;
    }
    // Node code that never returns is given up, or its saga would wait for ever.
    const late = new Promise<Built>((resolve) => {
      const error = new Error(`it did not return within ${timeoutMs} ms`);
      const cancel = this.#after(timeoutMs, () => resolve({ error }));
      void built.then(cancel);
    });
    this.#nodesRunning++;
    void Promise.race([built, late]).then((first) => {
      this.#nodesRunning--;
      this.#dispatch({ kind: "built", command, built: first });
    });
  }

  /** @param built undefined if an earlier attempt sent the same */
  #built(turn: Turn, command: NodeCommand, built: Built | undefined): void {
    if (built !== undefined && "error" in built) {
      this.#record(turn, this.#nodeFailed(command, built.error));
    } else if (command.kind === "respond") {
      this.#record(turn, { kind: "responded", response: built?.bytes ?? new Uint8Array() });
    } else {
      const kind = command.kind === "call" ? "step-called" : "compensation-called";
      const sent = built === undefined ? {} : { sent: built.bytes };
      this.#record(turn, { kind, step: command.step, attempt: command.attempt, ...sent });
      // mutation: call-after-intent
      // mutation: compensation-after-intent
      turn.calls.push(command);
    }
  }

  #nodeFailed(command: NodeCommand, error: unknown): SagaEvent {
    if (command.kind === "respond") {
      const failure = nodeFailure(error, "node respond");
      const reason = failure.reason === "SAGA_NODE_FAILED" ? "SAGA_RESPOND_FAILED" : failure.reason;
      return { kind: "respond-failed", failure: { ...failure, reason } };
    }
    const { step } = command;
    const { name } = stepDefinition(this.facade, step);
    if (command.kind === "call") {
      return { kind: "step-failed", step, failure: nodeFailure(error, `node ${name}`) };
    }
    const about = { saga: this.id, step: name, err: error };
    this.#host.log.warn(about, "the node failed to build the compensation's request");
    return { kind: "compensation-failed", step, failure: nodeFailure(error, `node ${name}, compensate`) };
  }

  // The entry, and its effects

  /** @returns whether the entry is durable; if not, the execution is released */
  async #store(turn: Turn): Promise<boolean> {
    const { journal, clock } = this.#host;
    const { state } = turn;
    // mutation: answer-after-entry
    const answer = this.#answer === undefined ? answerOf(this.facade, state) : undefined;
    // mutation: report-end-once
    const completion = isFinal(state) && !isFinal(this.#state) ? this.#host.completion(this.values, state) : undefined;
    const entry: Entry = {
      sagaId: this.id,
      seq: this.#seq,
      record: encodeRecord(clock.now(), turn.events),
      phase: storedPhase(state),
      messages: completion === undefined ? [] : [completion],
      ...(answer === undefined ? {} : { answer }),
    };
    const { name: facade, fingerprint } = this.facade;
    let stored: readonly StoredMessage[] | "exists";
    try {
      stored =
        this.#seq === 0
          ? await journal.create({ ...entry, facade, fingerprint, request: this.values.requestBytes })
          : await journal.append(entry);
    } catch (error) {
      // mutation: conflict-is-not-stored
      const conflict = isSagaError(error) && error.code === "SAGA_JOURNAL_CONFLICT";
      return this.#refused(turn, conflict ? { why: "conflict" } : { why: "suspended", error }, error);
    }
    if (stored === "exists" || this.isReleased) {
      return this.#refused(turn, { why: "exists" }, releasedHere(this.id));
    }
    this.#seq++;
    this.#state = state;
    this.#answer ??= answer;
    if (this.#seq === 1) {
      this.#host.hooks?.sagaStarted?.({ sagaId: this.id, facade });
    }
    this.#host.stored(this, stored);
    return true;
  }

  #refused({ completers }: Turn, release: Release, error: unknown): false {
    for (const { reject } of completers) {
      reject(error);
    }
    this.release(release);
    return false;
  }

  #perform(turn: Turn): void {
    if (turn.messages.length > 0) {
      void this.#host.broker.publish(turn.messages);
    }
    for (const command of turn.calls) {
      this.#call(command);
    }
    for (const at of this.#slots.keys()) {
      if (rests(this.#state, at)) {
        this.#releaseSlots(at);
      }
    }
    for (const { resolve } of turn.completers) {
      resolve();
    }
    if (this.#answer !== undefined) {
      for (const { resolve } of this.#answerWaiters.splice(0)) {
        resolve(this.#answer);
      }
    }
    this.#changed();
  }

  /** Makes a call that the journal says may leave. */
  #call(command: CallCommand): void {
    const { clock, hooks, log, upstreams } = this.#host;
    const startedMs = hooks?.attemptEnded === undefined ? 0 : clock.now();
    hooks?.attemptStarted?.(attemptRef(this.values, command));
    let called: Promise<UpstreamOutcome>;
    try {
      called = upstreams.call(upstreamCall(this.values, this.#state, command, clock.now()));
    } catch (error) {
      called = Promise.reject(error); // The entry is durable: what else follows from it happens all the same.
    }
    this.#callsInFlight++;
    let inFlight = true;
    const ended = () => {
      inFlight = false;
      this.#callsInFlight--;
      if (this.isReleased) {
        this.#host.settled(this);
        this.#changed();
      }
    };
    called
      .then((outcome) => {
        hooks?.attemptEnded?.({
          ...attemptRef(this.values, command),
          status: outcome.ok ? Status.OK : outcome.code,
          durationMs: clock.now() - startedMs,
        });
        ended();
        if (command.kind === "call" && this.#host.broker.slots !== undefined) {
          this.#releaseSlots(command.step); // Such a slot is free as soon as the upstream has answered.
        }
        const event = outcomeEvent(log, this.values, this.#state, command, outcome);
        this.#dispatch({ kind: "event", event });
      })
      .catch((error) => {
        if (inFlight) {
          ended();
        }
        this.release({ why: "suspended", error });
      });
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
    if (this.#changeListeners.length > 0) {
      for (const resolve of this.#changeListeners.splice(0)) {
        resolve();
      }
    }
  }
}

/** What inputs of a released execution are refused with: the journal says how far the saga is. */
function releasedHere(sagaId: string): SagaError {
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
