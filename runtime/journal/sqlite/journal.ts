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
import { failure, type Sqlite } from "./file.js";
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
  readonly #closeAll: () => void;
  readonly #sql: Statements;
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
    this.#sql = prepareAll(db, reader);
    this.#onceStuck = new Set((this.#sql.ids.all("stuck") as { id: string }[]).map(({ id }) => id));
    this.messages = {
      pending: () => this.#read(() => this.#sql.pending.all() as StoredMessage[]),
      remove: (ids) => this.#write(() => this.#removeMessages(ids), ids.length),
      addDeadLetter: (message, reason) => this.#write(() => this.#addDeadLetter(message, reason)),
      deadLetters: (topic) => this.#read(() => (this.#sql.deadLetters.all(topic) as DeadRow[]).map(toDeadLetter)),
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
    this.#read(() => (this.#sql.ids.all(phase) as { id: string }[]).map(({ id }) => id));

  readonly countOpen = (facade: string): Promise<number> =>
    this.#read(() => (this.#sql.countOpen(facade) as { open: number }).open);

  readonly inFlight = () => this.#read(() => toInFlight(this.#sql.inFlight.all() as InFlightRow[]));

  /** Reads a few hundred at a time: other work runs in between. */
  readonly listIdle = async (idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]> => {
    const untilMs = this.#now() - idleMs;
    const idle: IdleSaga[] = [];
    // If that saga was removed meanwhile, the pages start again.
    let last = await this.#read(() => (this.#sql.number(after) as { number: number } | undefined)?.number ?? 0);
    for (let more = true; more && idle.length < limit; ) {
      const rows = await this.#read(() => this.#sql.openWithLast.all(last, idlePage) as OpenRow[]);
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
    return this.#sql.insertSaga.run(...row).changes === 0 ? "exists" : this.#insertMessages(entry.messages);
  }

  #append(entry: Entry): readonly StoredMessage[] | SagaError {
    const { sagaId, seq, record, phase } = entry;
    if (seq < 1) {
      return failure("written", this.#path, new RangeError(`entry ${seq} of saga ${sagaId} is not a later entry`));
    }
    if (this.#sql.insertEntry.run(seq, record, sagaId).changes === 0) {
      return new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${sagaId} already has an entry ${seq}, or was removed`);
    }
    if (phase === "stuck") {
      this.#onceStuck.add(sagaId);
    }
    if (phase !== "open" || entry.answer !== undefined || this.#onceStuck.has(sagaId)) {
      this.#sql.updateSaga.run(phase, answerBytes(entry), endedAt(phase, this.#now()), sagaId);
    }
    return this.#insertMessages(entry.messages);
  }

  #load(sagaId: string): StoredSaga | undefined {
    const row = this.#sql.saga(sagaId) as SagaRow | undefined;
    if (row === undefined) {
      return undefined;
    }
    // libsql returns blobs as Buffer from get, but as ArrayBuffer from all.
    const later = this.#sql.records.all(row.number) as { record: ArrayBuffer }[];
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
    for (const { number } of this.#sql.ended.all(endedByMs, limit) as { number: number }[]) {
      this.#sql.removeRecords.run(number);
      this.#sql.removeSaga.run(number);
      removed++;
      if (performance.now() - began > maxRemovalMs) {
        break;
      }
    }
    return removed;
  }

  #insertMessages(messages: readonly Message[]): readonly StoredMessage[] {
    return messages.map((message) => {
      const { lastInsertRowid } = this.#sql.insertMessage.run(message.topic, message.key, message.body);
      return { ...message, id: Number(lastInsertRowid) };
    });
  }

  #removeMessages(ids: readonly number[]): void {
    for (const id of ids) {
      this.#sql.deleteMessage.run(id);
    }
  }

  #addDeadLetter({ topic, key, body }: Message, reason: string): void {
    // libsql cuts a text at a NUL, and a message that can't be read may contain anything.
    const exact = body.includes("\0") ? Buffer.from(body) : body;
    this.#sql.insertDead.run(topic, key, exact, reason.replaceAll("\0", "\\0"));
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

/**
 * libsql closes a database only once its statements were collected: until then they would go on reading and writing.
 */
function closedError(): SagaError {
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
}

interface DeadRow extends Omit<DeadLetter, "body"> {
  readonly body: string | ArrayBuffer;
}

function toDeadLetter(row: DeadRow): DeadLetter {
  return { ...row, body: typeof row.body === "string" ? row.body : Buffer.from(row.body).toString("utf8") };
}

type Statements = ReturnType<typeof prepareAll>;

/** @param reader the connection for queries outside of transactions */
function prepareAll(db: Sqlite, reader: Sqlite) {
  return {
    saga: prepareOne(reader, queries.saga),
    records: reader.prepare(queries.records),
    ids: reader.prepare(queries.ids),
    countOpen: prepareOne(reader, queries.countOpen),
    number: prepareOne(reader, queries.number),
    openWithLast: reader.prepare(queries.openWithLast),
    inFlight: reader.prepare(queries.inFlight),
    pending: reader.prepare("SELECT id, topic, key, body FROM message WHERE dead_reason IS NULL ORDER BY id"),
    deadLetters: reader.prepare(
      `SELECT id, topic, key, body, dead_reason AS reason FROM message
       WHERE topic = ? || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id`,
    ),
    insertSaga: db.prepare(
      `INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, created_at_ms, ended_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    insertEntry: db.prepare(
      "INSERT INTO entry (saga, seq, record) SELECT number, ?, ? FROM saga WHERE id = ? ON CONFLICT DO NOTHING",
    ),
    updateSaga: db.prepare("UPDATE saga SET phase = ?, answer = coalesce(?, answer), ended_at_ms = ? WHERE id = ?"),
    ended: db.prepare(queries.ended),
    removeRecords: db.prepare(queries.removeRecords),
    removeSaga: db.prepare(queries.removeSaga),
    insertMessage: db.prepare("INSERT INTO message (topic, key, body) VALUES (?, ?, ?)"),
    deleteMessage: db.prepare("DELETE FROM message WHERE id = ?"),
    insertDead: db.prepare("INSERT INTO message (topic, key, body, dead_reason) VALUES (? || '.dead-letter', ?, ?, ?)"),
  };
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
