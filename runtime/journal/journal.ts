import type { SagaFailure } from "../core/state.js";

/** What a saga's clients are told. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array }
  /** `step`: the name of the step that failed. */
  | { readonly ok: false; readonly failure: Omit<SagaFailure, "step">; readonly step: string | undefined };

/** Where the journal knows a saga to stand; "open" sagas are found by a restart. */
export type StoredPhase = "open" | "stuck" | "completed" | "compensated";

/** A message on a topic. */
export interface Message {
  readonly topic: string;
  /** The saga id: messages with one key keep their order. */
  readonly key: string;
  readonly body: string;
}

/** A stored message: one that no open saga would have sent again, and that must not be lost all the same. */
export interface StoredMessage extends Message {
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
  /** Stored in the same transaction, until they are removed. */
  readonly messages: readonly Message[];
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

/** The sagas of one structure that have not ended, whoever drives them. */
export interface SagasInFlight {
  readonly facade: string;
  readonly fingerprint: string;
  /** How many wait for no operator. */
  readonly open: number;
  /** How many wait for an operator. */
  readonly stuck: number;
  /** When the oldest began, ms since the Unix epoch. */
  readonly oldestMs: number;
  /** The ids of the oldest few. */
  readonly sagaIds: readonly string[];
}

/**
 * The durable record of every saga. Every promise resolves only once its effect would survive a power cut.
 * All methods reject with SagaError SAGA_JOURNAL_UNAVAILABLE where that can't be had now, and with SAGA_JOURNAL_CORRUPT
 * where they come upon damage.
 */
export interface Journal {
  /**
   * Stores a new saga. Of several calls with one saga id exactly one, ever, succeeds.
   * @returns the stored messages, or "exists" where the journal has a saga of that id; nothing is changed then
   */
  create(entry: FirstEntry): Promise<readonly StoredMessage[] | "exists">;
  /**
   * Stores a transition.
   * @returns the stored messages
   * @throws SagaError SAGA_JOURNAL_CONFLICT where the saga has an entry of that number: another process has moved it on;
   *   and where the journal has no such saga: it has ended meanwhile, and was removed
   */
  append(entry: Entry): Promise<readonly StoredMessage[]>;
  load(sagaId: string): Promise<StoredSaga | undefined>;
  /** Those of the sagas that the journal has, in any order. Rejects where one of them can't be read. */
  loadMany(sagaIds: readonly string[]): Promise<readonly StoredSaga[]>;
  /**
   * Removes sagas that ended at least so long ago, with their records, oldest first; open and stuck ones stay, and so do
   * all messages. Where the journal is shared, by the database's clock, and passing over those that another process is
   * just removing. A batch that takes long is cut short, so that entries need not wait for it.
   * @param limit how many at most, at least 1
   * @returns how many were removed; 0 once there are none
   */
  removeEnded(keepMs: number, limit: number): Promise<number>;
  /**
   * The ids of all sagas that are open, or wait for an operator, oldest first. Where the journal is shared: of the open
   * ones, those whose last entry this process, or one before it with the same pod id, has written.
   */
  list(phase: "open" | "stuck"): Promise<readonly string[]>;
  /** How many sagas of a facade are open, whoever drives them. */
  countOpen(facade: string): Promise<number>;
  /** All sagas that have not ended, by structure, whoever drives them; ordered by facade, the oldest structure first. */
  inFlight(): Promise<readonly SagasInFlight[]>;
  /** Whether other processes write to the same journal. */
  readonly shared: boolean;
  /**
   * What time it is, whole ms since the Unix epoch, for all that write to the journal: deadlines are kept by it, since the clocks
   * of processes may differ. Default: this process's clock.
   */
  readonly clockMs?: () => number;
  /** How long a process may give no sign of life before others may take over what it drives, ms; 0 where none can. */
  readonly leaseMs: number;
  /**
   * Makes this process the owner of what was left by those that have given no sign of life for a lease: at most `limit`
   * open sagas of these structures, and all their messages. A journal that is not shared has none.
   */
  takeOver(fingerprints: readonly string[], limit: number): Promise<TakenOver>;
  /**
   * Leaves the open sagas of this process that are of none of these structures to whoever takes them over. A journal that
   * is not shared keeps them.
   */
  release(fingerprints: readonly string[]): Promise<void>;
  /**
   * Tells the process that wrote last to an open saga of a message that came to this one, which can't run the saga. Once:
   * where nobody hears it, the saga is found idle. A journal that is not shared has nobody to tell.
   */
  handOver(sagaId: string, topic: string): Promise<void>;
  /**
   * Has a listener told of each message that another process hands over to this one.
   * @returns a function that ends it
   */
  onHandOver(listener: (sagaId: string, topic: string) => void): () => void;
  /**
   * The open sagas of this process that nobody has written to for so long: the first `limit` of those whose ids come
   * after `after`, in an order that stays. A journal that is not shared has none.
   * @param after the last one of the page before; "" for the first page
   */
  listIdle(idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]>;
  /**
   * Has a listener told of each saga that another process has moved on; now and then also of one that none has.
   * A journal that is not shared never tells.
   * @param heeds the sagas that the listener has to hear of as things stand: it is asked after a time in which the journal
   *   heard nothing, and of what happened then only these are told
   * @returns a function that ends it
   */
  onChange(listener: (sagaId: string) => void, heeds: () => Iterable<string>): () => void;
  readonly messages: MessageStore;
  close(): Promise<void>;
}

/** An open saga that stands still. */
export interface IdleSaga {
  readonly sagaId: string;
  /** How many entries it has. */
  readonly entries: number;
}

/** What a process has taken over from others. */
export interface TakenOver {
  readonly sagaIds: readonly string[];
  /** How many messages: they are among the pending ones now. */
  readonly messages: number;
}

/** The messages that are stored and not yet taken care of. */
export interface MessageStore {
  /** All, in the order in which they were stored. Where the journal is shared: those of this pod. */
  pending(): Promise<readonly StoredMessage[]>;
  /** Forgets messages that were handled, or that the broker now holds. */
  remove(ids: readonly number[]): Promise<void>;
  /** Keeps a message that can't be handled on the dead-letter topic of its topic, with the reason. */
  addDeadLetter(message: Message, reason: string): Promise<void>;
  /** The messages on a topic's dead-letter topic, oldest first. */
  deadLetters(topic: string): Promise<readonly (StoredMessage & { readonly reason: string })[]>;
}
