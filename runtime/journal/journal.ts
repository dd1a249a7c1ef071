import type { SagaFailure } from "../core/state.js";

/** What a saga's clients are told. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array }
  /** `step`: the name of the step that failed. */
  | { readonly ok: false; readonly failure: Omit<SagaFailure, "step">; readonly step: string | undefined };

/** Where the journal knows a saga to stand; "open" sagas are found by a restart. */
export type StoredPhase = "open" | "stuck" | "completed" | "compensated";

/** A message for the broker, stored in the same transaction as the transition that sends it. */
export interface Outgoing {
  readonly topic: string;
  /** The saga id: messages with one key keep their order. */
  readonly key: string;
  readonly body: string;
}

/** A stored message. */
export interface StoredMessage extends Outgoing {
  readonly id: number;
}

/** One durable step of a saga: the events of a transition as one record. */
export interface Entry {
  readonly sagaId: string;
  /** Counts a saga's entries from 0; the journal refuses the same one twice. */
  readonly seq: number;
  /** A saga.journal.v1.Record. */
  readonly record: Uint8Array;
  readonly phase: StoredPhase;
  /** From when it is known. */
  readonly answer?: Answer;
  readonly messages: readonly Outgoing[];
}

/** A saga's first entry. */
export interface FirstEntry extends Entry {
  readonly facade: string;
  /** Of the facade's structure. */
  readonly fingerprint: string;
  /** The facade's request as the client sent it. */
  readonly request: Uint8Array;
}

/** What the journal knows of a saga. */
export interface StoredSaga {
  readonly sagaId: string;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Uint8Array;
  readonly phase: StoredPhase;
  readonly answer: Answer | undefined;
  /** The records in their order. */
  readonly records: readonly Uint8Array[];
}

/**
 * The durable record of every saga. Every promise resolves only once its effect would survive a power cut.
 * All methods reject with SagaError SAGA_JOURNAL_UNAVAILABLE where that can't be had now.
 */
export interface Journal {
  /**
   * Stores a new saga. Of several calls with one saga id exactly one, ever, succeeds.
   * @returns the stored messages, or "exists" where the journal has a saga of that id; nothing is changed then
   */
  create(entry: FirstEntry): Promise<readonly StoredMessage[] | "exists">;
  /** Stores a transition. @returns the stored messages */
  append(entry: Entry): Promise<readonly StoredMessage[]>;
  load(sagaId: string): Promise<StoredSaga | undefined>;
  /** The ids of all sagas that have not ended, or wait for an operator, oldest first. */
  list(phase: "open" | "stuck"): Promise<readonly string[]>;
  readonly messages: MessageStore;
  close(): Promise<void>;
}

/** The messages that are stored and not yet taken care of. */
export interface MessageStore {
  /** All, in the order in which they were stored. */
  pending(): Promise<readonly StoredMessage[]>;
  /** Stores messages on their own. */
  add(messages: readonly Outgoing[]): Promise<readonly StoredMessage[]>;
  /** Forgets a message that was handled. */
  remove(id: number): Promise<void>;
  /** Moves a message that can't be handled to the dead-letter topic of its topic, with the reason. */
  bury(id: number, reason: string): Promise<void>;
  /** The messages on a topic's dead-letter topic. */
  buried(topic: string): Promise<readonly (StoredMessage & { readonly reason: string })[]>;
}
