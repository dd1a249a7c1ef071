import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { isSagaError, SagaError } from "../../core/errors.js";
import { applicationId, schema, schemaVersion } from "./schema.js";

/** An open SQLite database. */
export type Sqlite = InstanceType<typeof Database>;

/**
 * Opens a journal file, or makes it. A file that is corrupt, of another program or of a newer protosaga is not touched.
 * The caller holds the journal's lock.
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqlite(path: string): Sqlite {
  try {
    inspectHead(path);
    const crashed = hasLog(path);
    if (crashed) {
      // Whatever opens the file for writing folds the log of a process that died into it, if only when this one ends.
      inspect(new Database(`${pathToFileURL(path)}?mode=ro`), path);
    }
    const db = new Database(path);
    if (!crashed) {
      inspect(db, path);
    }
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    if (isEmpty(db)) {
      db.exec(`BEGIN EXCLUSIVE; ${schema} COMMIT;`);
      // The file's head now tells what it is, also where the write-ahead log is lost.
      db.pragma("wal_checkpoint(TRUNCATE)");
    }
    return db;
  } catch (error) {
    throw isSagaError(error) ? error : describe(path, error);
  }
}

/** A second connection to an open journal. */
export function openReader(path: string): Sqlite {
  const db = new Database(path);
  db.pragma("query_only = ON");
  return db;
}

/** A connection of its own for checkpoints. */
export function openAside(path: string): Sqlite {
  const db = new Database(path);
  db.pragma("synchronous = FULL");
  return db;
}

/** Where SQLite keeps what we look for in a file's first 100 bytes (https://www.sqlite.org/fileformat.html). */
const head = { magic: "SQLite format 3\0", size: 100, userVersion: 60, applicationId: 68 } as const;

/** Looks at the file's first bytes without SQLite, which would write to some files when it merely opens them. */
export function inspectHead(path: string): void {
  if (!existsSync(path)) {
    return;
  }
  const bytes = Buffer.alloc(head.size);
  const file = openSync(path, "r");
  const read = readSync(file, bytes, 0, head.size, 0);
  closeSync(file);
  if (read === 0) {
    return; // A process that died while it made the file left this.
  }
  if (read < head.size || bytes.toString("latin1", 0, head.magic.length) !== head.magic) {
    throw corrupt(path, "its first bytes are not those of an SQLite database");
  }
  judge(path, bytes.readUInt32BE(head.applicationId), bytes.readUInt32BE(head.userVersion));
}

/** Whether a process that died left a write-ahead log with something in it. */
function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Looks at the whole, the write-ahead log included. */
function inspect(db: Sqlite, path: string): void {
  const [check] = db.pragma("quick_check(1)") as { quick_check: string }[];
  if (check?.quick_check !== "ok") {
    throw corrupt(path, check?.quick_check ?? "the check gave no answer");
  }
  const [application] = db.pragma("application_id") as { application_id: number }[];
  const [version] = db.pragma("user_version") as { user_version: number }[];
  const id = application?.application_id ?? 0;
  judge(path, id, version?.user_version ?? 0);
  if (id !== applicationId && !isEmpty(db)) {
    throw corrupt(path, "it is a database of another program");
  }
}

function judge(path: string, application: number, version: number): void {
  if (application !== applicationId && (application !== 0 || version !== 0)) {
    throw corrupt(path, "it is a database of another program");
  }
  if (version > schemaVersion) {
    throw new SagaError(
      "SAGA_JOURNAL_NEWER",
      `${path} has schema version ${version}, this protosaga knows up to ${schemaVersion}. ` +
        "Run the newer protosaga that wrote it, or name another data directory. The file was not touched.",
    );
  }
}

function isEmpty(db: Sqlite): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master LIMIT 1").get() === undefined;
}

function corrupt(path: string, why: string): SagaError {
  return new SagaError(
    "SAGA_JOURNAL_CORRUPT",
    `${path} can't be read as a journal: ${why}. Restore it from a backup, or name another data directory. ` +
      "The file was not touched.",
  );
}

export function describe(path: string, error: unknown): SagaError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? error.message : String(error);
  if (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT")) {
    return corrupt(path, message);
  }
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be opened: ${message}`, { cause: error });
}
