import {
  answerColumns,
  type BarrierDriver,
  type BarrierRows,
  expectRow,
  type Fate,
  readRow,
  rowColumns,
  runSync,
  type StoredRow,
  unavailable,
  type Work,
} from "./driver.js";

// biome-ignore-start lint/suspicious/noExplicitAny: the packages differ in the types of values that they accept.

/** What the driver needs of a prepared statement. */
export interface SqliteStatement {
  run(...values: any[]): { readonly changes: number | bigint };
  get(...values: any[]): unknown;
}

// biome-ignore-end lint/suspicious/noExplicitAny: see above

/** What the driver needs of a database. better-sqlite3, libsql and node:sqlite (DatabaseSync) provide it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

/** Creates the table and its index if they don't exist. */
export const sqliteTable = `
CREATE TABLE IF NOT EXISTS saga_barriers (
  key            TEXT PRIMARY KEY,
  method         TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('running', 'answered', 'blocked')),
  code           INTEGER,
  message        TEXT,
  details        BLOB,
  response       BLOB,
  created_at     INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
  CHECK ((state = 'answered') = (code IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS saga_barriers_created_at ON saga_barriers (created_at);
`;

const sql = {
  insert:
    "INSERT INTO saga_barriers (key, method, request_sha256, state) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
  find: `SELECT ${rowColumns} FROM saga_barriers WHERE key = ?`,
  settle: "UPDATE saga_barriers SET state = 'answered', code = ?, message = ?, details = ?, response = ? WHERE key = ?",
  remove: `DELETE FROM saga_barriers WHERE key IN (
    SELECT key FROM saga_barriers WHERE created_at < CAST(strftime('%s', 'now') AS INTEGER) - ?
    ORDER BY created_at LIMIT ?)`,
} as const;

/**
 * Stores the barrier in SQLite, in the database of the upstream's tables. Creates its table if it doesn't exist. Handlers
 * are synchronous, as in better-sqlite3's transactions, so that no other code of the process writes in between.
 *
 * Open the database with a busy timeout if other processes or connections write to it. Use `synchronous=FULL` unless
 * answers may be lost in a power failure.
 * @param db must not be in a transaction when a call arrives; handlers receive it as their transaction
 */
export function sqliteDriver<Database extends SqliteDatabase>(db: Database): BarrierDriver<Database, true> {
  db.exec(sqliteTable);
  const insert = db.prepare(sql.insert);
  const find = db.prepare(sql.find);
  const settle = db.prepare(sql.settle);
  const remove = db.prepare(sql.remove);
  const rows: BarrierRows = {
    insert: ({ key, method, requestHash, state }) =>
      Number(insert.run(key, method, Buffer.from(requestHash), state).changes) === 1,
    find(key) {
      const row = find.get(key) as StoredRow | undefined;
      return row && readRow(row);
    },
    settle: (key, answer) => expectRow(key, Number(settle.run(...answerColumns(answer), key).changes)),
    savepoint: () => void db.exec("SAVEPOINT saga_effect"),
    rollBackToSavepoint: () => void db.exec("ROLLBACK TO saga_effect"),
  };

  return {
    sync: true,
    async transaction<Result>(work: (tx: Database, rows: BarrierRows) => Work<Result>) {
      // IMMEDIATE: a transaction that begins with a read can't wait for another writer.
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = runSync(work(db, rows));
        db.exec("COMMIT");
        return result;
      } catch (error) {
        try {
          db.exec("ROLLBACK");
        } catch {
          // SQLite has rolled back already, as it does for some errors.
        }
        throw error;
      }
    },
    fateOf,
    async remove({ olderThanMs, limit }) {
      try {
        return Number(remove.run(olderThanMs / 1000, limit).changes);
      } catch (error) {
        throw fateOf(error) === "unavailable" ? unavailable(error) : error;
      }
    },
  };
}

/** Transient errors, as better-sqlite3 and libsql name them: the database is locked, or the disk fails. */
const transientNames = ["BUSY", "LOCKED", "IOERR", "FULL", "CANTOPEN", "NOMEM", "PROTOCOL"];
/** The same errors by number, as node:sqlite reports them (https://www.sqlite.org/rescode.html). */
const transientNumbers = [5, 6, 10, 13, 14, 7, 15];

function fateOf(error: unknown): Fate {
  if (!(error instanceof Error)) {
    return "failed";
  }
  const name = "code" in error ? String(error.code) : "";
  const number = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
  const transient =
    transientNames.some((each) => name.startsWith(`SQLITE_${each}`)) || transientNumbers.includes(number);
  return transient ? "unavailable" : "failed";
}
