import { unavailable } from "./barrier.js";
import type { BarrierDriver, BarrierRows, Fate, Work } from "./port.js";
import { sqliteStatements, sqliteTable } from "./sqlite-sql.js";
import { answerColumns, expectRow, readRow, type StoredRow } from "./stored-row.js";
import { runSync } from "./work.js";

/** What the driver needs of a database: better-sqlite3's, libsql's and node:sqlite's (DatabaseSync) have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

/** What the driver needs of a prepared statement. */
export interface SqliteStatement {
  // biome-ignore lint/suspicious/noExplicitAny: the packages differ in what they say that a value may be.
  run(...values: any[]): { readonly changes: number | bigint };
  // biome-ignore lint/suspicious/noExplicitAny: the same
  get(...values: any[]): unknown;
}

/** Errors that pass: another one holds the database, or the disk can't take it. As better-sqlite3 and libsql name them. */
const passing = ["BUSY", "LOCKED", "IOERR", "FULL", "CANTOPEN", "NOMEM", "PROTOCOL"];
/** The same, as node:sqlite numbers them (https://www.sqlite.org/rescode.html). */
const passingNumbers = [5, 6, 10, 13, 14, 7, 15];

/**
 * Stores the barrier in SQLite, beside the upstream's own tables; makes the table, unless it is there. Handlers are
 * synchronous, as in better-sqlite3's own transactions, so that nothing else of this process comes between.
 *
 * Open the database with a busy timeout, where other processes or connections write to it, and with `synchronous=FULL`,
 * unless an answer may be lost with the machine's power.
 * @param db must be in no transaction when a call comes; given to the handlers as it is
 */
export function sqliteDriver<Database extends SqliteDatabase>(db: Database): BarrierDriver<Database, true> {
  db.exec(sqliteTable);
  const { insert, find, settle, remove } = sqliteStatements;
  const statements = {
    insert: db.prepare(insert),
    find: db.prepare(find),
    settle: db.prepare(settle),
    remove: db.prepare(remove),
  };
  const rows: BarrierRows = {
    insert: ({ key, method, requestHash, state }) =>
      Number(statements.insert.run(key, method, Buffer.from(requestHash), state).changes) === 1,
    find(key) {
      const row = statements.find.get(key) as StoredRow | undefined;
      return row && readRow(row);
    },
    settle(key, answer) {
      expectRow(key, Number(statements.settle.run(...answerColumns(answer), key).changes));
    },
    savepoint() {
      db.exec("SAVEPOINT saga_effect");
    },
    rollBackToSavepoint() {
      db.exec("ROLLBACK TO saga_effect");
    },
  };

  return {
    sync: true,
    async transaction<Result>(work: (tx: Database, rows: BarrierRows) => Work<Result>) {
      // At once for writing: a transaction that begins as a reader can't wait for one that writes.
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = runSync(work(db, rows));
        db.exec("COMMIT");
        return result;
      } catch (error) {
        rollBack(db);
        throw error;
      }
    },
    fateOf,
    async remove({ olderThanMs, limit }) {
      try {
        return Number(statements.remove.run(olderThanMs / 1000, limit).changes);
      } catch (error) {
        throw fateOf(error) === "unavailable" ? unavailable(error) : error;
      }
    },
  };
}

function rollBack(db: SqliteDatabase): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself, as it does for some errors.
  }
}

function fateOf(error: unknown): Fate {
  if (!(error instanceof Error)) {
    return "failed";
  }
  const name = "code" in error ? String(error.code) : "";
  const number = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
  const passes = passing.some((each) => name.startsWith(`SQLITE_${each}`)) || passingNumbers.includes(number);
  return passes ? "unavailable" : "failed";
}
