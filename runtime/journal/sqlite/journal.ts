import { setImmediate } from "node:timers/promises";
import { SagaError } from "../../core/errors.js";
import { type InFlightRow, toInFlight } from "../in-flight.js";
import type {
  DeadLetter,
  Entry,
  FirstEntry,
  IdleSaga,
  Journal,
  Message,
  MessageStore,
  StoredMessage,
  StoredPhase,
  StoredSaga,
} from "../journal.js";
import { decodeAnswer, encodeAnswer, recordTime } from "../record.js";
import { failure, type Sqlite, type Statement } from "./file.js";
import { inFlightQuery, lockJournal, openCheckpointer, openReader, openSqlite } from "./open.js";
import { SqliteWriter } from "./writer.js";

/** How an embedded journal works. */
export interface SqliteOptions {
  /** The wall clock, ms since the Unix epoch: sagas end by it. Default: the machine's */
  readonly now?: () => number;
  /** Checks the whole file for damage before it is used. Default: checks only what open sagas need */
  readonly fullCheck?: boolean;
}

/**
 * Opens the embedded journal: one SQLite file (WAL, synchronous=FULL) with group commit.
 * @param path the file; created if it does not exist
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER, SAGA_JOURNAL_LOCKED or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqliteJournal(path: string, { now = Date.now, fullCheck = false }: SqliteOptions = {}): Journal {
  const unlock = lockJournal(path);
  try {
    return new SqliteJournal(path, openSqlite(path, fullCheck), unlock, now);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The queries of an open journal. Each finds its rows by an index, however large the journal is. */
export const queries = {
  saga: "SELECT * FROM saga WHERE id = ?",
  records: "SELECT record FROM entry WHERE saga = ? ORDER BY seq",
  // In these, the phase appears twice so that SQLite uses the partial index.
  ids: "SELECT id FROM saga WHERE phase = ? AND phase IN ('open', 'stuck') ORDER BY number",
  countOpen: "SELECT count(*) AS open FROM saga WHERE phase = 'open' AND phase IN ('open', 'stuck') AND facade = ?",
  number: "SELECT number FROM saga WHERE id = ?",
  openWithLast: `
SELECT number, id, created_at_ms, coalesce(last.seq, 0) AS seq, coalesce(last.record, first_record) AS record
FROM saga LEFT JOIN entry AS last ON last.saga = number
  AND last.seq = (SELECT max(seq) FROM entry WHERE saga = number)
WHERE phase = 'open' AND phase IN ('open', 'stuck') AND number > ? ORDER BY number LIMIT ?`,
  inFlight: inFlightQuery,
  ended: "SELECT number FROM saga WHERE ended_at_ms <= ? ORDER BY ended_at_ms LIMIT ?",
  removeRecords: "DELETE FROM entry WHERE saga = ?",
  removeSaga: "DELETE FROM saga WHERE number = ?",
} as const;

interface SagaRow {
  readonly number: number;
  readonly id: string;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Uint8Array;
  readonly first_record: Uint8Array;
  readonly phase: StoredPhase;
  readonly answer: Uint8Array | null;
}

interface OpenRow {
  readonly number: number;
  readonly id: string;
  readonly created_at_ms: number;
  /** The number of the last entry, and its record. */
  readonly seq: number;
  readonly record: ArrayBuffer;
}

/** How many open sagas are read at a time to find the idle ones. */
const idlePage = 200;
/** How long one removal may hold the event loop, ms: pages that are not in memory are read from the disk. */
const maxRemovalMs = 4;
/** About how many rows a saga has. */
const rowsPerSaga = 4;

/** Functions are own properties, so that `{...journal}` is a journal, too. */
class SqliteJournal implements Journal {
  readonly shared = false;
  readonly messages: MessageStore;
  readonly #path: string;
  readonly #now: () => number;
  readonly #writer: SqliteWriter;
  readonly #messages: MessageTable;
  readonly #closeAll: () => void;
  readonly #insertSaga: Statement;
  readonly #insertEntry: Statement;
  readonly #updateSaga: Statement;
  readonly #selectEnded: Statement;
  readonly #removeRecords: Statement;
  readonly #removeSaga: Statement;
  readonly #selectSaga: GetOne;
  readonly #selectRecords: Statement;
  readonly #selectIds: Statement;
  readonly #selectNumber: GetOne;
  readonly #selectOpen: Statement;
  readonly #selectCount: GetOne;
  readonly #selectInFlight: Statement;
  /** Sagas that were stuck. Only their rows have another phase to change when an entry leaves them open. */
  readonly #onceStuck: Set<string>;
  #closing: Promise<void> | undefined;

  constructor(path: string, db: Sqlite, unlock: () => void, now: () => number) {
    const reader = openReader(path);
    const checkpointer = openCheckpointer(path);
    this.#path = path;
    this.#now = now;
    this.#writer = new SqliteWriter(path, db, checkpointer);
    this.#closeAll = () => {
      for (const connection of [reader, checkpointer, db]) {
        connection.close();
      }
      unlock();
    };
    this.#insertSaga = db.prepare(
      `INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, created_at_ms, ended_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
    this.#insertEntry = db.prepare(
      "INSERT INTO entry (saga, seq, record) SELECT number, ?, ? FROM saga WHERE id = ? ON CONFLICT DO NOTHING",
    );
    this.#updateSaga = db.prepare(
      "UPDATE saga SET phase = ?, answer = coalesce(?, answer), ended_at_ms = ? WHERE id = ?",
    );
    this.#selectEnded = db.prepare(queries.ended);
    this.#removeRecords = db.prepare(queries.removeRecords);
    this.#removeSaga = db.prepare(queries.removeSaga);
    this.#selectSaga = prepareOne(reader, queries.saga);
    this.#selectRecords = reader.prepare(queries.records);
    this.#selectIds = reader.prepare(queries.ids);
    this.#selectNumber = prepareOne(reader, queries.number);
    this.#selectOpen = reader.prepare(queries.openWithLast);
    this.#selectCount = prepareOne(reader, queries.countOpen);
    this.#selectInFlight = reader.prepare(queries.inFlight);
    this.#onceStuck = new Set((this.#selectIds.all("stuck") as { id: string }[]).map(({ id }) => id));
    this.#messages = new MessageTable(db, reader);
    this.messages = {
      pending: () => this.#read(() => this.#messages.pending()),
      remove: (ids) => this.#write(() => this.#messages.remove(ids), ids.length),
      addDeadLetter: (message, reason) => this.#write(() => this.#messages.addDead(message, reason)),
      deadLetters: (topic) => this.#read(() => this.#messages.dead(topic)),
    };
  }

  readonly create = (entry: FirstEntry): Promise<readonly StoredMessage[] | "exists"> => {
    const bytes = entry.request.length + entry.record.length;
    return this.#write(() => this.#create(entry), 1, bytes);
  };

  readonly append = (entry: Entry): Promise<readonly StoredMessage[]> =>
    this.#write(() => this.#append(entry), 1, entry.record.length);

  readonly load = (sagaId: string): Promise<StoredSaga | undefined> => this.#read(() => this.#load(sagaId));

  readonly loadMany = (sagaIds: readonly string[]): Promise<readonly StoredSaga[]> =>
    this.#read(() => sagaIds.map((id) => this.#load(id)).filter((stored) => stored !== undefined));

  readonly removeEnded = (keepMs: number, limit: number): Promise<number> =>
    this.#write(() => this.#remove(this.#now() - keepMs, limit), limit * rowsPerSaga);

  readonly list = (phase: "open" | "stuck"): Promise<readonly string[]> =>
    this.#read(() => (this.#selectIds.all(phase) as { id: string }[]).map(({ id }) => id));

  readonly countOpen = (facade: string): Promise<number> =>
    this.#read(() => (this.#selectCount(facade) as { open: number }).open);

  readonly inFlight = () => this.#read(() => toInFlight(this.#selectInFlight.all() as InFlightRow[]));

  /** Reads a few hundred at a time: other work runs in between. */
  readonly listIdle = async (idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]> => {
    const untilMs = this.#now() - idleMs;
    const idle: IdleSaga[] = [];
    // If that saga was removed meanwhile, the pages start again.
    let last = await this.#read(() => (this.#selectNumber(after) as { number: number } | undefined)?.number ?? 0);
    for (let more = true; more && idle.length < limit; ) {
      const rows = await this.#read(() => this.#selectOpen.all(last, idlePage) as OpenRow[]);
      for (const { number, id, created_at_ms, seq, record } of rows) {
        last = number;
        if (idle.length < limit && writtenAt(record, created_at_ms) <= untilMs) {
          idle.push({ sagaId: id, entries: seq + 1 });
        }
      }
      more = rows.length === idlePage;
      await setImmediate();
    }
    return idle;
  };

  readonly close = (): Promise<void> => {
    this.#closing ??= this.#writer.close().finally(this.#closeAll);
    return this.#closing;
  };

  #create(entry: FirstEntry): readonly StoredMessage[] | "exists" {
    const { sagaId, facade, fingerprint, request, record, phase } = entry;
    const nowMs = this.#now();
    const row = [sagaId, facade, fingerprint, request, record, phase, answerBytes(entry), nowMs, endedAt(phase, nowMs)];
    return this.#insertSaga.run(...row).changes === 0 ? "exists" : this.#messages.insert(entry.messages);
  }

  #append(entry: Entry): readonly StoredMessage[] | SagaError {
    const { sagaId, seq, record, phase } = entry;
    if (seq < 1) {
      return failure("written", this.#path, new RangeError(`entry ${seq} of saga ${sagaId} is not a later entry`));
    }
    if (this.#insertEntry.run(seq, record, sagaId).changes === 0) {
      return new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${sagaId} already has an entry ${seq}, or was removed`);
    }
    if (phase === "stuck") {
      this.#onceStuck.add(sagaId);
    }
    if (phase !== "open" || entry.answer !== undefined || this.#onceStuck.has(sagaId)) {
      this.#updateSaga.run(phase, answerBytes(entry), endedAt(phase, this.#now()), sagaId);
    }
    return this.#messages.insert(entry.messages);
  }

  #load(sagaId: string): StoredSaga | undefined {
    const row = this.#selectSaga(sagaId) as SagaRow | undefined;
    if (row === undefined) {
      return undefined;
    }
    // libsql returns blobs as Buffer from get, but as ArrayBuffer from all.
    const later = this.#selectRecords.all(row.number) as { record: ArrayBuffer }[];
    return {
      sagaId,
      facade: row.facade,
      fingerprint: row.fingerprint,
      request: row.request,
      phase: row.phase,
      answer: row.answer === null ? undefined : decodeAnswer(row.answer),
      records: [row.first_record, ...later.map(({ record }) => new Uint8Array(record))],
      ownedHere: true,
    };
  }

  /** Removes one saga at least. */
  #remove(endedByMs: number, limit: number): number {
    const began = performance.now();
    let removed = 0;
    for (const { number } of this.#selectEnded.all(endedByMs, limit) as { number: number }[]) {
      this.#removeRecords.run(number);
      this.#removeSaga.run(number);
      removed++;
      if (performance.now() - began > maxRemovalMs) {
        break;
      }
    }
    return removed;
  }

  async #read<Result>(query: () => Result): Promise<Result> {
    if (this.#closing !== undefined) {
      throw closedError();
    }
    try {
      return query();
    } catch (error) {
      throw failure("read", this.#path, error);
    }
  }

  #write<Result>(work: () => Result | SagaError, rows = 1, bytes = 0): Promise<Result> {
    return this.#closing === undefined ? this.#writer.run(work, rows, bytes) : Promise.reject(closedError());
  }
}

/** libsql closes a database only once its statements were collected: until then they would go on reading and writing. */
function closedError(): SagaError {
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
}

interface DeadRow extends Omit<DeadLetter, "body"> {
  readonly body: string | ArrayBuffer;
}

const noMessages: readonly StoredMessage[] = [];

/** The table of messages. Writes happen in the transaction that is open. */
class MessageTable {
  readonly #insert: Statement;
  readonly #delete: Statement;
  readonly #insertDead: Statement;
  readonly #selectPending: Statement;
  readonly #selectDead: Statement;

  constructor(db: Sqlite, reader: Sqlite) {
    this.#insert = db.prepare("INSERT INTO message (topic, key, body) VALUES (?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM message WHERE id = ?");
    this.#insertDead = db.prepare(
      "INSERT INTO message (topic, key, body, dead_reason) VALUES (? || '.dead-letter', ?, ?, ?)",
    );
    this.#selectPending = reader.prepare(
      "SELECT id, topic, key, body FROM message WHERE dead_reason IS NULL ORDER BY id",
    );
    this.#selectDead = reader.prepare(
      `SELECT id, topic, key, body, dead_reason AS reason FROM message
       WHERE topic = ? || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id`,
    );
  }

  insert(messages: readonly Message[]): readonly StoredMessage[] {
    if (messages.length === 0) {
      return noMessages;
    }
    return messages.map((message) => {
      const { lastInsertRowid } = this.#insert.run(message.topic, message.key, message.body);
      return { ...message, id: Number(lastInsertRowid) };
    });
  }

  pending(): readonly StoredMessage[] {
    return this.#selectPending.all() as StoredMessage[];
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      this.#delete.run(id);
    }
  }

  addDead({ topic, key, body }: Message, reason: string): void {
    // libsql cuts a text at a NUL, and a message that can't be read may contain anything.
    const exact = body.includes("\0") ? Buffer.from(body) : body;
    this.#insertDead.run(topic, key, exact, reason.replaceAll("\0", "\\0"));
  }

  dead(topic: string): readonly DeadLetter[] {
    return (this.#selectDead.all(topic) as DeadRow[]).map((row) => ({
      ...row,
      body: typeof row.body === "string" ? row.body : Buffer.from(row.body).toString("utf8"),
    }));
  }
}

type GetOne = (...values: unknown[]) => unknown;

/** A prepared query for one row. libsql's `get` doesn't reset a statement that failed: such a one is prepared again. */
function prepareOne(db: Sqlite, sql: string): GetOne {
  let statement = db.prepare(sql);
  return (...values) => {
    try {
      return statement.get(...values);
    } catch (error) {
      statement = db.prepare(sql);
      throw error;
    }
  };
}

/** When an entry was written. A record that can't be read doesn't say; recovery reports it. */
function writtenAt(record: ArrayBuffer, createdAtMs: number): number {
  try {
    return recordTime(new Uint8Array(record));
  } catch {
    return createdAtMs;
  }
}

function answerBytes(entry: Entry): Uint8Array | null {
  return entry.answer === undefined ? null : encodeAnswer(entry.answer);
}

function endedAt(phase: StoredPhase, nowMs: number): number | null {
  return phase === "completed" || phase === "compensated" ? nowMs : null;
}
