import { isDeepStrictEqual } from "node:util";
import type { Command, SagaEvent } from "../core/event.js";
import type { Transition } from "../core/state.js";
import { isPastPivot, isQueued, mayCall, mayCompensate, type SagaState, stepOf } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer, Message, StoredPhase } from "../journal/journal.js";
import type { RecordedEvent } from "../journal/record.js";

/** Stands for a step's position where a message is the one on the rollback topic. */
export const rollback = -1;

/** The topic of a step, or of a facade's rollback. */
export function topicOf({ topics }: FacadeDefinition, at: number): string {
  return at === rollback ? topics.rollback : (topics.steps[at] ?? "");
}

/** Whether a saga waits for the message of a step, or of its rollback. */
export function awaits(state: SagaState, at: number): boolean {
  return at === rollback ? state.phase === "rollback-queued" : isQueued(state, at);
}

/** The event that such a message's arrival is. */
export function deliveryOf(at: number): SagaEvent {
  return at === rollback ? { kind: "rollback-delivered" } : { kind: "step-delivered", step: at };
}

/** Permission to handle one message of a topic. It is held until what the message asked for is done, or waits for another message. */
export interface Slot {
  release(): void;
  /** This server can't say what becomes of the message: it is to be delivered again. */
  fail(error: unknown): void;
}

/** Learns whether something is durable. */
export interface Completer {
  resolve(): void;
  reject(error: unknown): void;
}

export type OperatorEvent = Extract<SagaEvent, { readonly kind: "operator-retried" | "operator-skipped" }>;
export type CallCommand = Extract<Command, { readonly kind: "call" | "compensate" }>;
/** A command that runs a node's code. */
export type NodeCommand = CallCommand | Extract<Command, { readonly kind: "respond" }>;

/** What node code came to: the encoded message, or the error that it threw. */
export type Built = { readonly bytes: Uint8Array } | { readonly error: unknown };

/** What an execution takes in. `at` is a step's position, or `rollback`. */
export type Input =
  | { readonly kind: "event"; readonly event: SagaEvent }
  /** The deadline passed. */
  | { readonly kind: "deadline" }
  | { readonly kind: "act"; readonly event: OperatorEvent; readonly done: Completer }
  /** The saga was found in the journal. `waitedMs`: how long ago it last moved. `resend`: the messages that it waits for. */
  | { readonly kind: "recover"; readonly waitedMs: number; readonly resend: boolean }
  /** A message arrived, or a slot of its topic is free. */
  | { readonly kind: "delivery"; readonly at: number; readonly slot: Slot }
  /** The wait before a command is over. */
  | { readonly kind: "command"; readonly command: Command }
  /** Node code that did not return at once has returned. */
  | { readonly kind: "built"; readonly command: NodeCommand; readonly built: Built };

/** What follows from the inputs that are there: it becomes one entry. */
export interface Turn {
  state: SagaState;
  readonly events: RecordedEvent[];
  readonly commands: Command[];
  /** The calls that may leave once the entry is durable. */
  readonly calls: CallCommand[];
  /** The messages to publish then. The state asks for them: after a crash they are published again. */
  readonly messages: Message[];
  readonly completers: Completer[];
  /** How long the saga has waited already for what its commands wait for, ms. */
  waitedMs: number;
}

/** A turn with nothing in it. */
export function emptyTurn(state: SagaState): Turn {
  return { state, events: [], commands: [], calls: [], messages: [], completers: [], waitedMs: 0 };
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

/** Whether the saga's deadline still matters: past the pivot it does not. */
export function hasDeadline(facade: FacadeDefinition, state: SagaState): boolean {
  return state.deadlineAtMs !== undefined && state.phase === "running" && !isPastPivot(facade, state);
}

/** Whether what a command asks for is still wanted: the saga may have turned back since. */
export function isWanted(state: SagaState, command: NodeCommand): boolean {
  switch (command.kind) {
    case "call":
      // mutation: retry-is-next-attempt
      return mayCall(state, command.step) && stepOf(state, command.step).attempts + 1 === command.attempt;
    case "compensate":
      return mayCompensate(state, command.step) && stepOf(state, command.step).undoAttempts + 1 === command.attempt;
    case "respond":
      return state.phase === "running";
  }
}

/** Whether an earlier attempt sent what a command sends. */
export function wasSent(state: SagaState, command: NodeCommand): boolean {
  if (command.kind === "respond") {
    return false;
  }
  const { sent, undoSent } = stepOf(state, command.step);
  return (command.kind === "call" ? sent : undoSent) !== undefined;
}

/** Whether the saga has ended and never moves again; a STUCK one does by an operator's act. */
export function isFinal({ phase }: SagaState): boolean {
  return phase === "completed" || phase === "compensated";
}

export function storedPhase({ phase }: SagaState): StoredPhase {
  return phase === "completed" || phase === "compensated" || phase === "stuck" ? phase : "open";
}

/** Whether what a message asked for is done, or waits for another message or its next attempt. */
export function rests(state: SagaState, at: number): boolean {
  if (at !== rollback) {
    const { status } = stepOf(state, at);
    // mutation: slot-until-call-is-made
    return status !== "due" && status !== "calling";
  }
  const { phase, steps } = state;
  const busy = steps.some(({ undo, undoAttempts }) => undo === "calling" || (undo === "due" && undoAttempts === 0));
  const calling = steps.some(({ status }) => status === "calling");
  return phase !== "rollback-queued" && !busy && !(calling && phase === "compensating");
}
