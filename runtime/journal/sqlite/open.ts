import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { isSagaError, SagaError } from "../../core/errors.js";
import { applicationId, schema, schemaVersion } from "./schema.js";

/** An open SQLite database. */
export type Sqlite = InstanceType<typeof Database>;

/**
 * Opens a journal file, or makes it. The file is held exclusively: two servers on one journal would both recover the
 * same sagas. A file that is corrupt, of another program or of a newer protosaga is not touched.
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER, SAGA_JOURNAL_LOCKED or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqlite(path: string): Sqlite {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fresh = !existsSync(path) || statSync(path).size === 0;
    if (!fresh) {
      inspect(path);
    }
    const db = new Database(path);
    try {
      prepare(db, fresh);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw isSagaError(error) ? error : describe(path, error);
  }
}

/** Reads the file without the rights to write it. */
function inspect(path: string): void {
  refuseForeign(path);
  const db = new Database(path, { readonly: true });
  try {
    const broken = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string } | undefined;
    if (broken?.quick_check !== "ok") {
      throw corrupt(path, broken?.quick_check ?? "the check gave no answer");
    }
    const { application_id } = db.prepare("PRAGMA application_id").get() as { application_id: number };
    if (application_id !== applicationId) {
      throw corrupt(path, "it is a database of another program");
    }
    const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version > schemaVersion) {
      throw new SagaError(
        "SAGA_JOURNAL_NEWER",
        `${path} has schema version ${user_version}, this protosaga knows up to ${schemaVersion}. ` +
          "Run the newer protosaga that wrote it, or name another data directory. The file was not touched.",
      );
    }
  } finally {
    db.close();
  }
}

/** SQLite opens some files that are none only to fail later; the first bytes tell at once. */
function refuseForeign(path: string): void {
  const head = Buffer.alloc(16);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, 16, 0);
  } finally {
    closeSync(file);
  }
  if (head.toString("latin1") !== "SQLite format 3\0") {
    throw corrupt(path, "its first bytes are not those of an SQLite database");
  }
}

function prepare(db: Sqlite, fresh: boolean): void {
  db.pragma("busy_timeout = 0");
  db.pragma("locking_mode = EXCLUSIVE");
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("BEGIN EXCLUSIVE");
  if (fresh) {
    db.exec(schema);
  }
  db.exec("COMMIT");
}

function corrupt(path: string, why: string): SagaError {
  return new SagaError(
    "SAGA_JOURNAL_CORRUPT",
    `${path} can't be read as a journal: ${why}. Restore it from a backup, or name another data directory. ` +
      "The file was not touched.",
  );
}

function describe(path: string, error: unknown): SagaError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? error.message : String(error);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new SagaError(
      "SAGA_JOURNAL_LOCKED",
      `${path} is in use by another server. Stop that one, or give this one a data directory of its own.`,
      { cause: error },
    );
  }
  if (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT")) {
    return corrupt(path, message);
  }
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be opened: ${message}`, { cause: error });
}
