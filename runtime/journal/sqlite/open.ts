import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { isSagaError, SagaError } from "../../core/errors.js";
import { type InFlightRow, selectInFlight, toInFlight } from "../in-flight.js";
import type { SagasInFlight } from "../journal.js";
import { checkBytes, checkContent, corrupt, isDamage, logSize, type Sqlite, schemaOf } from "./file.js";
import { migration, schemaVersion } from "./schema.js";

/**
 * Locks a journal for this process: two servers on one file would both recover the same sagas. The lock is a
 * transaction on a file beside the journal. It ends with the process, however that ends, and other programs can still
 * read the journal. It uses only `exec`: libsql keeps a connection open until all its prepared statements were
 * collected, whatever `close` does.
 * @returns a function that unlocks it
 * @throws SagaError SAGA_JOURNAL_LOCKED or SAGA_JOURNAL_UNAVAILABLE
 */
export function lockJournal(path: string): () => void {
  makeFolder(path);
  try {
    const lock = new Database(`${path}.lock`);
    try {
      lock.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      lock.close();
      throw error;
    }
    return () => lock.close();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message.includes("locked")) {
      throw new SagaError(
        "SAGA_JOURNAL_LOCKED",
        `${path} is in use by another server. Stop that server, or set another data directory for this one.`,
        { cause: error },
      );
    }
    throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be locked: ${message}`, { cause: error });
  }
}

/**
 * Opens or creates a journal file and migrates an older one. A file that is corrupt, of another program or of a newer
 * protosaga is not touched. The caller holds the journal's lock.
 * @param whole checks the whole file for damage; otherwise what open sagas need
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqlite(path: string, whole = false): Sqlite {
  try {
    checkBytes(path);
    const crashed = logSize(path) > 0;
    if (crashed) {
      // A connection that may write moves the log of a process that died into the file, at the latest when it closes.
      checkContent(new Database(`${pathToFileURL(path)}?mode=ro`), path, whole);
    }
    const db = new Database(path);
    if (!crashed) {
      checkContent(db, path, whole);
    }
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("cell_size_check = ON");
    // KiB: in a large journal, the pages of one saga lie far apart.
    db.pragma("cache_size = -16000");
    // The journal moves the log itself, outside of commits.
    db.pragma("wal_autocheckpoint = 0");
    migrate(db);
    return db;
  } catch (error) {
    throw openingError(path, error);
  }
}

/** Opens a second connection, which sees only what is on disk, never a transaction in flight. */
export function openReader(path: string): Sqlite {
  const db = new Database(path);
  db.pragma("query_only = ON");
  // Damage is reported when a page is read, instead of wrong rows.
  db.pragma("cell_size_check = ON");
  return db;
}

/** Opens another connection for checkpoints. */
export function openCheckpointer(path: string): Sqlite {
  const db = new Database(path);
  db.pragma("synchronous = FULL");
  return db;
}

/** The query for what is in flight. */
export const inFlightQuery = selectInFlight("created_at_ms");

/**
 * Reads what is in flight in a journal file, without a lock and without writing: a server may run on it.
 * @returns undefined if there is no such file, or no journal in it yet
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE
 */
export function inspectSqliteJournal(path: string): readonly SagasInFlight[] | undefined {
  if (!existsSync(path)) {
    return undefined;
  }
  try {
    checkBytes(path);
    const db = new Database(path, { readonly: true, timeout: 5_000 });
    try {
      const tables = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'saga'").all();
      return tables.length === 0 ? undefined : toInFlight(db.prepare(inFlightQuery).all() as InFlightRow[]);
    } finally {
      db.close();
    }
  } catch (error) {
    throw openingError(path, error);
  }
}

/** Migrates the tables, or leaves them as they are. */
function migrate(db: Sqlite): void {
  const version = schemaOf(db);
  if (version === schemaVersion) {
    return;
  }
  try {
    db.exec(migration(version));
  } catch (error) {
    if (db.inTransaction) {
      db.exec("ROLLBACK");
    }
    throw error;
  }
  // So that the file's head says what it is, even if the log is lost.
  db.pragma("wal_checkpoint(TRUNCATE)");
}

/** Checked before SQLite is called: its "unable to open database file" doesn't say what to fix. */
function makeFolder(path: string): void {
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
    throw new SagaError(
      "SAGA_JOURNAL_UNAVAILABLE",
      `${path} can't be opened: ${folder} ${why}. Set data_dir (SAGA_DATA_DIR) to a folder that can be written.`,
      { cause: error },
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: "is a file, not a folder (EEXIST)",
  ENOTDIR: "is below a file, not below a folder (ENOTDIR)",
  EROFS: "is on a disk that is mounted read-only (EROFS)",
  EACCES: "can't be written by this user (EACCES)",
  EPERM: "can't be written by this user (EPERM)",
  ENOSPC: "can't be created, the disk is full (ENOSPC)",
};

function openingError(path: string, error: unknown): SagaError {
  if (isSagaError(error)) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return isDamage(error)
    ? corrupt(path, message)
    : new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be opened: ${message}`, { cause: error });
}
