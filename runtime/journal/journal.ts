import type { SagaFailure } from "../core/state.js";

/** What a saga's clients get. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array }
  /** `step`: the name of the step that failed. */
  | { readonly ok: false; readonly failure: Omit<SagaFailure, "step">; readonly step: string | undefined };

/** A saga's state in the journal; recovery finds the "open" ones. */
export type StoredPhase = "open" | "stuck" | "completed" | "compensated";

/** A message on a topic. */
export interface Message {
  readonly topic: string;
  /** The saga id: messages with one key keep their order. */
  readonly key: string;
  readonly body: string;
}

/** A message that the journal keeps until it is removed, since no open saga would send it again. */
export interface StoredMessage extends Message {
  readonly id: number;
}

/** One durable write: the events of one turn of one saga. */
export interface Entry {
  readonly sagaId: string;
  /** Counts a saga's entries from 0; the journal refuses a number that exists. */
  readonly seq: number;
  /** A saga.journal.v1.Record. */
  readonly record: Uint8Array;
  readonly phase: StoredPhase;
  /** With the entry that decides it; later entries leave it out. */
  readonly answer?: Answer;
  /** Stored in the same transaction. */
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
  /** In order. */
  readonly records: readonly Uint8Array[];
  /**
   * Whether this server, or one before it with the same pod id, is the owner: it wrote the last entry. Always true on
   * SQLite.
   */
  readonly ownedHere: boolean;
}

/** The sagas of one structure that have not ended, of all owners. */
export interface SagasInFlight {
  readonly facade: string;
  readonly fingerprint: string;
  /** How many are not stuck. */
  readonly open: number;
  readonly stuck: number;
  /** When the oldest began, ms since the Unix epoch. */
  readonly oldestMs: number;
  /** The ids of the oldest few. */
  readonly sagaIds: readonly string[];
}

/** An open saga without a recent entry. */
export interface IdleSaga {
  readonly sagaId: string;
  /** How many entries it has. */
  readonly entries: number;
}

/**
 * The durable record of every saga. A promise resolves only once its effect would survive a power cut. Every method
 * rejects with SagaError SAGA_JOURNAL_UNAVAILABLE if that can't be achieved now, and with SAGA_JOURNAL_CORRUPT if it
 * finds damage.
 */
export interface Journal {
  /**
   * Stores a new saga. Of several calls with the same saga id, exactly one succeeds.
   * @returns the stored messages, or "exists" if the journal has a saga of that id; nothing is changed then
   */
  create(entry: FirstEntry): Promise<readonly StoredMessage[] | "exists">;
  /**
   * Stores a later entry.
   * @returns the stored messages
   * @throws SagaError SAGA_JOURNAL_CONFLICT if the saga has an entry of that number (another server wrote it), or if
   *   the journal no longer has the saga
   */
  append(entry: Entry): Promise<readonly StoredMessage[]>;
  load(sagaId: string): Promise<StoredSaga | undefined>;
  /** Those of the sagas that the journal has, in any order. Rejects if one of them can't be read. */
  loadMany(sagaIds: readonly string[]): Promise<readonly StoredSaga[]>;
  /**
   * Removes sagas that ended at least `keepMs` ago, with their records, oldest first. Open and stuck sagas and all
   * messages stay. A batch that takes long ends early, so that entries don't wait for it.
   * @param limit the largest number to remove, at least 1
   * @returns how many were removed; 0 if none is left
   */
  removeEnded(keepMs: number, limit: number): Promise<number>;
  /**
   * The ids of all sagas that are open, or stuck, oldest first. On a shared journal, the open ones are those that this
   * server, or one before it with the same pod id, owns.
   */
  list(phase: "open" | "stuck"): Promise<readonly string[]>;
  /** How many sagas of a facade are open, of all owners. */
  countOpen(facade: string): Promise<number>;
  /** All sagas that have not ended, of all owners, by structure: ordered by facade, the oldest structure first. */
  inFlight(): Promise<readonly SagasInFlight[]>;
  /**
   * The open sagas of this server whose last entry is at least `idleMs` old, in a stable order: the first `limit` of
   * those after `after`. A page shorter than `limit` is the last one.
   * @param after the last saga id of the page before; "" for the first page
   */
  listIdle(idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]>;
  readonly messages: MessageStore;
  /** Whether other servers use the same journal; if so, it is a {@link SharedJournal}. */
  readonly shared: boolean;
  /** Stores what was handed over, then closes. May be called twice. */
  close(): Promise<void>;
}

/** A journal that several servers use at once. */
export interface SharedJournal extends Journal {
  readonly shared: true;
  /** How long a server may be silent before others take over its sagas, ms. */
  readonly leaseMs: number;
  /**
   * The database's clock, whole ms since the Unix epoch: deadlines are measured by it, since the servers' clocks may
   * differ.
   */
  clockMs(): number;
  /**
   * Makes this server the owner of open sagas whose owner's lease has expired or that were released: at most `limit` of
   * these structures, and all messages of the expired servers.
   */
  takeOver(fingerprints: readonly string[], limit: number): Promise<TakenOver>;
  /** Gives up this server's open sagas of all other structures than these, so that other servers take them over. */
  release(fingerprints: readonly string[]): Promise<void>;
  /**
   * Watches a saga. The journal calls `changed` at least once soon after this call, and again within about 100 ms of
   * each entry of the saga, whichever server stored it. It may also call it when nothing has changed.
   * @param changed must not throw
   * @returns a function that stops watching
   */
  watch(sagaId: string, changed: () => void): () => void;
  /**
   * Asks the owner of an open saga to handle a message that this server received and can't handle. The request may be
   * lost if the owner stops; the owner then finds the saga idle. Repeating the call changes nothing.
   */
  handOver(sagaId: string, topic: string): Promise<void>;
  /**
   * Calls `listener` for each message that another server hands over to this one, within about a second.
   * @returns a function that stops it
   */
  onHandOver(listener: (sagaId: string, topic: string) => void): () => void;
}

/** Whether several servers use the journal. */
export function isShared(journal: Journal): journal is SharedJournal {
  return journal.shared;
}

/** What a server has taken over from others. */
export interface TakenOver {
  readonly sagaIds: readonly string[];
  /** How many messages; `messages.pending` returns them from now on. */
  readonly messages: number;
}

/** A message that could not be handled. */
export interface DeadLetter extends StoredMessage {
  readonly reason: string;
}

/** The stored messages that are not handled or sent yet, and the dead letters. */
export interface MessageStore {
  /** All pending messages in the order in which they were stored; on a shared journal, those of this server. */
  pending(): Promise<readonly StoredMessage[]>;
  /** Removes messages that were handled, or that the broker has stored. */
  remove(ids: readonly number[]): Promise<void>;
  /** Keeps a message that can't be handled on the dead-letter topic of its topic, with the reason. */
  addDeadLetter(message: Message, reason: string): Promise<void>;
  /** The messages on a topic's dead-letter topic, oldest first. */
  deadLetters(topic: string): Promise<readonly DeadLetter[]>;
}
