import { SagaError } from "../../core/errors.js";
import { type InFlightRow, selectInFlight, toInFlight } from "../in-flight.js";
import type { Entry, FirstEntry, Journal, StoredMessage, StoredPhase, StoredSaga } from "../journal.js";
import { decodeAnswer, encodeAnswer } from "../record.js";
import { createCheckpointer } from "./checkpoint.js";
import { createGroupCommit } from "./group-commit.js";
import { lockJournal } from "./lock.js";
import { createMessageStore } from "./messages.js";
import { openAside, openReader, openSqlite, type Sqlite } from "./open.js";

interface SagaRow {
  readonly id: string;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Uint8Array;
  readonly first_record: Uint8Array;
  readonly phase: StoredPhase;
  readonly answer: Uint8Array | null;
}

/**
 * The embedded journal: one SQLite file (WAL, synchronous=FULL) with group commit.
 * @param path the file; made where there is none
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER, SAGA_JOURNAL_LOCKED or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqliteJournal(path: string): Journal {
  const unlock = lockJournal(path);
  try {
    return journalOn(path, openSqlite(path), openReader(path), unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @param reader a connection of its own: it sees only what is on disk, never a transaction that is on its way there */
function journalOn(path: string, db: Sqlite, reader: Sqlite, unlock: () => void): Journal {
  const aside = openAside(path);
  const checkpointer = createCheckpointer(path, db, aside);
  const group = createGroupCommit(db, checkpointer);
  const insertSaga = db.prepare(
    `INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, created_at_ms, ended_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const insertRecord = db.prepare("INSERT INTO record (saga_id, seq, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  const updateSaga = db.prepare(
    "UPDATE saga SET phase = ?, answer = coalesce(?, answer), ended_at_ms = ? WHERE id = ?",
  );
  const selectSaga = reader.prepare("SELECT * FROM saga WHERE id = ?");
  const selectRecords = reader.prepare("SELECT record FROM record WHERE saga_id = ? ORDER BY seq");
  const selectIds = reader.prepare("SELECT id FROM saga WHERE phase = ? AND phase IN ('open', 'stuck') ORDER BY rowid");
  const selectCount = reader.prepare("SELECT count(*) AS open FROM saga WHERE phase = 'open' AND facade = ?");
  const inFlight = reader.prepare(selectInFlight("created_at_ms"));
  // An open phase is not written again with each entry; only these sagas' rows say otherwise.
  const onceStuck = new Set((selectIds.all("stuck") as { id: string }[]).map(({ id }) => id));
  let closing: Promise<void> | undefined;
  const { store, messages } = createMessageStore(db, reader, { read, write });

  function create(entry: FirstEntry): readonly StoredMessage[] | "exists" {
    const now = Date.now();
    const { changes } = insertSaga.run(
      entry.sagaId,
      entry.facade,
      entry.fingerprint,
      entry.request,
      entry.record,
      entry.phase,
      answerBytes(entry),
      now,
      endedAt(entry.phase, now),
    );
    return changes === 0 ? "exists" : store(entry.messages);
  }

  function append(entry: Entry): readonly StoredMessage[] {
    if (entry.seq < 1) {
      throw new RangeError(`entry ${entry.seq} of saga ${entry.sagaId} is the one that makes it`);
    }
    if (insertRecord.run(entry.sagaId, entry.seq, entry.record).changes === 0) {
      throw new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${entry.sagaId} has an entry ${entry.seq} already`);
    }
    if (entry.phase === "stuck") {
      onceStuck.add(entry.sagaId);
    }
    if (entry.phase !== "open" || entry.answer !== undefined || onceStuck.has(entry.sagaId)) {
      updateSaga.run(entry.phase, answerBytes(entry), endedAt(entry.phase, Date.now()), entry.sagaId);
    }
    return store(entry.messages);
  }

  function load(sagaId: string): StoredSaga | undefined {
    const row = selectSaga.get(sagaId) as SagaRow | undefined;
    if (row === undefined) {
      return undefined;
    }
    // libsql gives blobs as Buffer from get, but as ArrayBuffer from all.
    const later = selectRecords.all(sagaId) as { record: ArrayBuffer }[];
    return {
      sagaId,
      facade: row.facade,
      fingerprint: row.fingerprint,
      request: row.request,
      phase: row.phase,
      answer: row.answer === null ? undefined : decodeAnswer(row.answer),
      records: [row.first_record, ...later.map(({ record }) => new Uint8Array(record))],
    };
  }

  // libsql closes a database only once its statements are collected: until then it would go on reading and writing.
  async function read<Result>(query: () => Result): Promise<Result> {
    if (closing !== undefined) {
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
    }
    try {
      return query();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be read: ${message}`, { cause: error });
    }
  }

  function write<Result>(work: () => Result): Promise<Result> {
    if (closing !== undefined) {
      return Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed"));
    }
    return group.run(work);
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
    shared: false,
    leaseMs: 0,
    takeOver: async () => ({ sagaIds: [], messages: 0 }),
    release: async () => {},
    handOver: async () => {},
    onHandOver: () => () => {},
    listIdle: async () => [],
    onChange: () => () => {},
    inFlight: () => read(() => toInFlight(inFlight.all() as InFlightRow[])),
    countOpen: (facade) => read(() => (selectCount.get(facade) as { open: number }).open),
    list: (phase) => read(() => (selectIds.all(phase) as { id: string }[]).map(({ id }) => id)),
    messages,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function answerBytes(entry: Entry): Uint8Array | null {
  return entry.answer === undefined ? null : encodeAnswer(entry.answer);
}

function endedAt(phase: StoredPhase, now: number): number | null {
  return phase === "completed" || phase === "compensated" ? now : null;
}
