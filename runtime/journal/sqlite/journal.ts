import { setImmediate } from "node:timers/promises";
import { SagaError } from "../../core/errors.js";
import { type InFlightRow, toInFlight } from "../in-flight.js";
import type { Entry, FirstEntry, IdleSaga, Journal, StoredMessage, StoredPhase, StoredSaga } from "../journal.js";
import { decodeAnswer, encodeAnswer, recordTime } from "../record.js";
import { createCheckpointer } from "./checkpoint.js";
import { failure } from "./errors.js";
import { createGroupCommit } from "./group-commit.js";
import { lockJournal } from "./lock.js";
import { createMessageStore } from "./messages.js";
import { openAside, openReader, openSqlite, type Sqlite } from "./open.js";
import { queries } from "./queries.js";
import { prepareOne } from "./read-one.js";
import { createRemoval } from "./removal.js";

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

/** How an embedded journal works. */
export interface SqliteOptions {
  /** The wall clock, ms since the Unix epoch: it says when sagas ended. Default: the machine's */
  readonly now?: () => number;
  /** Whether all of the file is looked through for damage before it is used. Default: only where open sagas are */
  readonly fullCheck?: boolean;
}

/**
 * The embedded journal: one SQLite file (WAL, synchronous=FULL) with group commit.
 * @param path the file; made where there is none
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER, SAGA_JOURNAL_LOCKED or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqliteJournal(path: string, { now = Date.now, fullCheck = false }: SqliteOptions = {}): Journal {
  const unlock = lockJournal(path);
  try {
    return journalOn(path, openSqlite(path, fullCheck), openReader(path), unlock, now);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @param reader a connection of its own: it sees only what is on disk, never a transaction that is on its way there */
function journalOn(path: string, db: Sqlite, reader: Sqlite, unlock: () => void, now: () => number): Journal {
  const aside = openAside(path);
  const checkpointer = createCheckpointer(path, db, aside);
  const group = createGroupCommit(db, checkpointer, (error) => failure("written", path, error));
  const insertSaga = db.prepare(
    `INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, created_at_ms, ended_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const insertRecord = db.prepare(
    "INSERT INTO entry (saga, seq, record) SELECT number, ?, ? FROM saga WHERE id = ? ON CONFLICT DO NOTHING",
  );
  const updateSaga = db.prepare(
    "UPDATE saga SET phase = ?, answer = coalesce(?, answer), ended_at_ms = ? WHERE id = ?",
  );
  const selectSaga = prepareOne(reader, queries.saga);
  const selectRecords = reader.prepare(queries.records);
  const selectIds = reader.prepare(queries.ids);
  const selectNumber = prepareOne(reader, queries.number);
  const selectOpen = reader.prepare(queries.openWithLast);
  const selectCount = prepareOne(reader, queries.countOpen);
  const removeEnded = createRemoval(db);
  const inFlight = reader.prepare(queries.inFlight);
  // An open phase is not written again with each entry; only these sagas' rows say otherwise.
  const onceStuck = new Set((selectIds.all("stuck") as { id: string }[]).map(({ id }) => id));
  let closing: Promise<void> | undefined;
  const { store, messages } = createMessageStore(db, reader, { read, write });

  function create(entry: FirstEntry): readonly StoredMessage[] | "exists" {
    const nowMs = now();
    const { changes } = insertSaga.run(
      entry.sagaId,
      entry.facade,
      entry.fingerprint,
      entry.request,
      entry.record,
      entry.phase,
      answerBytes(entry),
      nowMs,
      endedAt(entry.phase, nowMs),
    );
    return changes === 0 ? "exists" : store(entry.messages);
  }

  function append(entry: Entry): readonly StoredMessage[] {
    if (entry.seq < 1) {
      throw new RangeError(`entry ${entry.seq} of saga ${entry.sagaId} is the one that makes it`);
    }
    if (insertRecord.run(entry.seq, entry.record, entry.sagaId).changes === 0) {
      throw new SagaError(
        "SAGA_JOURNAL_CONFLICT",
        `saga ${entry.sagaId} has an entry ${entry.seq} already, or is gone`,
      );
    }
    if (entry.phase === "stuck") {
      onceStuck.add(entry.sagaId);
    }
    if (entry.phase !== "open" || entry.answer !== undefined || onceStuck.has(entry.sagaId)) {
      updateSaga.run(entry.phase, answerBytes(entry), endedAt(entry.phase, now()), entry.sagaId);
    }
    return store(entry.messages);
  }

  function load(sagaId: string): StoredSaga | undefined {
    const row = selectSaga(sagaId) as SagaRow | undefined;
    if (row === undefined) {
      return undefined;
    }
    // libsql gives blobs as Buffer from get, but as ArrayBuffer from all.
    const later = selectRecords.all(row.number) as { record: ArrayBuffer }[];
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

  /** Reads a few hundred at a time: other work runs in between. */
  async function listIdle(idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]> {
    const untilMs = now() - idleMs;
    const idle: IdleSaga[] = [];
    // If that saga was removed meanwhile, the pages start again.
    let last = await read(() => (selectNumber(after) as { number: number } | undefined)?.number ?? 0);
    for (let more = true; more && idle.length < limit; ) {
      const rows = await read(() => selectOpen.all(last, idlePage) as OpenRow[]);
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
  }

  // libsql closes a database only once its statements are collected: until then it would go on reading and writing.
  async function read<Result>(query: () => Result): Promise<Result> {
    if (closing !== undefined) {
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
    }
    try {
      return query();
    } catch (error) {
      throw failure("read", path, error);
    }
  }

  function write<Result>(work: () => Result, rows?: number): Promise<Result> {
    if (closing !== undefined) {
      return Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed"));
    }
    return group.run(work, rows);
  }

  async function close(): Promise<void> {
    try {
      await group.drained();
      await checkpointer.finish();
    } finally {
      reader.close();
      aside.close();
      db.close();
      unlock();
    }
  }

  return {
    create: (entry) => write(() => create(entry)),
    append: (entry) => write(() => append(entry)),
    load: (sagaId) => read(() => load(sagaId)),
    loadMany: (sagaIds) => read(() => sagaIds.map(load).filter((stored) => stored !== undefined)),
    removeEnded: (keepMs, limit) => write(() => removeEnded(now() - keepMs, limit), limit * rowsOfSaga),
    shared: false,
    listIdle,
    countOpen: (facade) => read(() => (selectCount(facade) as { open: number }).open),
    inFlight: () => read(() => toInFlight(inFlight.all() as InFlightRow[])),
    list: (phase) => read(() => (selectIds.all(phase) as { id: string }[]).map(({ id }) => id)),
    messages,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
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

/** When an entry was written; a record that can't be read says nothing, and recovery reports it. */
function writtenAt(record: ArrayBuffer, createdAtMs: number): number {
  try {
    return recordTime(new Uint8Array(record));
  } catch {
    return createdAtMs;
  }
}

/** How many rows, reckoned, go with a saga. */
const rowsOfSaga = 4;

function answerBytes(entry: Entry): Uint8Array | null {
  return entry.answer === undefined ? null : encodeAnswer(entry.answer);
}

function endedAt(phase: StoredPhase, now: number): number | null {
  return phase === "completed" || phase === "compensated" ? now : null;
}
