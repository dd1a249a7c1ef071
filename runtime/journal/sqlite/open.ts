import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { isSagaError, SagaError } from "../../core/errors.js";
import { isDamage } from "./errors.js";
import { findDamage } from "./inspect.js";
import { applicationId, migration, schemaVersion } from "./schema.js";

/** An open SQLite database. */
export type Sqlite = InstanceType<typeof Database>;

/**
 * Opens a journal file, or makes it; one of an older version is brought to this one. A file that is corrupt, of another
 * program or of a newer protosaga is not touched. The caller holds the journal's lock.
 * @param whole looks for damage in all of the file, which takes long where it has grown; otherwise where open sagas are
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE
 */
export function openSqlite(path: string, whole = false): Sqlite {
  try {
    inspectHead(path);
    const crashed = hasLog(path);
    if (crashed) {
      // Whatever opens the file for writing folds the log of a process that died into it, if only when this one ends.
      inspect(new Database(`${pathToFileURL(path)}?mode=ro`), path, whole);
    }
    const db = new Database(path);
    if (!crashed) {
      inspect(db, path, whole);
    }
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("cell_size_check = ON");
    // KiB: in a journal that has grown, what a saga touches is spread widely.
    db.pragma("cache_size = -16000");
    const version = versionOf(db);
    if (version < schemaVersion) {
      migrate(db, version);
      // The file's head now tells what it is, also where the write-ahead log is lost.
      db.pragma("wal_checkpoint(TRUNCATE)");
    }
    return db;
  } catch (error) {
    throw isSagaError(error) ? error : describe(path, error);
  }
}

/** Brings the tables to this version, or leaves them as they are. */
function migrate(db: Sqlite, from: number): void {
  try {
    db.exec(migration(from));
  } catch (error) {
    if (db.inTransaction) {
      db.exec("ROLLBACK");
    }
    throw error;
  }
}

/** A second connection to an open journal. */
export function openReader(path: string): Sqlite {
  const db = new Database(path);
  db.pragma("query_only = ON");
  // What is in a page is looked at when it is read: damage is told of, rather than answered with.
  db.pragma("cell_size_check = ON");
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

/** Looks at what SQLite reads, the write-ahead log included. */
function inspect(db: Sqlite, path: string, whole: boolean): void {
  db.pragma("cell_size_check = ON");
  const [application] = db.pragma("application_id") as { application_id: number }[];
  const id = application?.application_id ?? 0;
  const version = versionOf(db);
  judge(path, id, version);
  if (id !== applicationId && !isEmpty(db)) {
    throw corrupt(path, "it is a database of another program");
  }
  // One of an older version is about to be read, and written, as a whole.
  const damage = findDamage(db, path, whole || version < schemaVersion);
  if (damage !== undefined) {
    throw corrupt(path, damage);
  }
}

/** The schema version; 0 where there are no tables. */
function versionOf(db: Sqlite): number {
  const [version] = db.pragma("user_version") as { user_version: number }[];
  return version?.user_version ?? 0;
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

/** What a journal file that can't be opened is reported as. */
export function describe(path: string, error: unknown): SagaError {
  const message = error instanceof Error ? error.message : String(error);
  if (isDamage(error)) {
    return corrupt(path, message);
  }
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be opened: ${message}`, { cause: error });
}
