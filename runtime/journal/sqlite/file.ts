import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import type Database from "libsql";
import { isSagaError, SagaError } from "../../core/errors.js";
import { applicationId, schemaVersion } from "./schema.js";

/** An open SQLite database. */
export type Sqlite = InstanceType<typeof Database>;
/** A prepared statement. */
export type Statement = Database.Statement<unknown[]>;

/** Positions in a database file's first bytes (https://www.sqlite.org/fileformat.html). */
const head = { size: 100, pageSize: 16, changes: 24, pages: 28, version: 60, application: 68, countedAt: 92 } as const;
const magic = "SQLite format 3\0";

/** Sizes and positions in the write-ahead log's head, and in the head of each of its frames. */
const log = { head: 32, pageSize: 8, salts: 16, saltBytes: 8, frameHead: 24, frameSalts: 8 } as const;

/**
 * Checks a file's first bytes and its size without SQLite. SQLite writes to some files when it only opens them, and
 * takes some damage for a sound file: it starts a file of no bytes again and discards its log, and reads the missing
 * part of the last page as zeroes. A file that does not exist is fine.
 * @throws SagaError SAGA_JOURNAL_CORRUPT or SAGA_JOURNAL_NEWER
 */
export function checkBytes(path: string): void {
  const bytes = readHead(path);
  if (bytes === undefined) {
    // A process that died while it created the file leaves it empty, but a log exists only after the head.
    if (logSize(path) > 0) {
      throw corrupt(path, `it is empty or missing, but ${path}-wal is not`);
    }
    return;
  }
  if (bytes.length < head.size || bytes.toString("latin1", 0, magic.length) !== magic) {
    throw corrupt(path, "its first bytes are not those of an SQLite database");
  }
  checkMarks(path, bytes.readUInt32BE(head.application), bytes.readUInt32BE(head.version));
  const pageSize = bytes.readUInt16BE(head.pageSize) === 1 ? 65_536 : Math.max(512, bytes.readUInt16BE(head.pageSize));
  // The number of pages counts only if it was written with the last change.
  const counts = bytes.readUInt32BE(head.changes) === bytes.readUInt32BE(head.countedAt);
  const pages = counts ? bytes.readUInt32BE(head.pages) : 0;
  const size = statSync(path).size;
  const whole = Math.floor(size / pageSize);
  if (logSize(path) === 0 && pages > whole) {
    throw corrupt(path, `it has ${size} bytes of ${pages * pageSize}`);
  }
  // A process may have been killed while it moved the log's pages into the file: the log still has the cut page.
  if (size % pageSize !== 0 && !logHasPage(`${path}-wal`, whole + 1)) {
    throw corrupt(path, "its last page is cut off");
  }
}

/**
 * Checks what SQLite reads, the write-ahead log included.
 * @param whole reads the whole file and compares every index with its table. Otherwise only what open sagas need is
 *   read: how long it takes then depends on how many are open, not on how many have ended
 * @throws SagaError SAGA_JOURNAL_CORRUPT or SAGA_JOURNAL_NEWER; errors of SQLite if a page is damaged
 */
export function checkContent(db: Sqlite, path: string, whole: boolean): void {
  db.pragma("cell_size_check = ON");
  const [id, version] = [pragmaNumber(db, "application_id"), schemaOf(db)];
  checkMarks(path, id, version);
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_master LIMIT 1").all().length === 0;
  if (id !== applicationId && !isEmpty) {
    throw corrupt(path, "it is a database of another program");
  }
  // A file of an older version is about to be rewritten as a whole.
  const damage = findDamage(db, path, whole || version < schemaVersion);
  if (damage !== undefined) {
    throw corrupt(path, damage);
  }
}

/** The schema version of a database; 0 if it has no tables. */
export function schemaOf(db: Sqlite): number {
  return pragmaNumber(db, "user_version");
}

/** How many bytes a database's write-ahead log has. */
export function logSize(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** The error of a file that is not opened. */
export function corrupt(path: string, why: string): SagaError {
  return new SagaError(
    "SAGA_JOURNAL_CORRUPT",
    `${path} can't be read as a journal: ${why}. Restore it from a backup, or set another data directory. ` +
      "The file was not touched.",
  );
}

/** Whether SQLite reports that the file is damaged or no database. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT");
}

/** The error of a read or write that failed in an open journal. */
export function failure(what: "read" | "written", path: string, error: unknown): SagaError {
  if (isSagaError(error)) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return isDamage(error)
    ? new SagaError(
        "SAGA_JOURNAL_CORRUPT",
        `${path} is damaged: ${message}. Stop the server and restore the file from a backup`,
        { cause: error },
      )
    : new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be ${what}: ${message}`, { cause: error });
}

function readHead(path: string): Buffer | undefined {
  if (!existsSync(path)) {
    return undefined;
  }
  const bytes = Buffer.alloc(head.size);
  const file = openSync(path, "r");
  const read = readSync(file, bytes, 0, head.size, 0);
  closeSync(file);
  return read === 0 ? undefined : bytes.subarray(0, read);
}

function checkMarks(path: string, application: number, version: number): void {
  if (application !== applicationId && (application !== 0 || version !== 0)) {
    throw corrupt(path, "it is a database of another program");
  }
  if (version > schemaVersion) {
    throw new SagaError(
      "SAGA_JOURNAL_NEWER",
      `${path} has schema version ${version}, this protosaga knows up to ${schemaVersion}. ` +
        "Run the newer protosaga that wrote it, or set another data directory. The file was not touched.",
    );
  }
}

/** Whether a log has a frame of a page, among those written since it was last restarted. */
function logHasPage(path: string, page: number): boolean {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  if (bytes.length < log.head) {
    return false;
  }
  const salts = bytes.subarray(log.salts, log.salts + log.saltBytes);
  const frame = log.frameHead + bytes.readUInt32BE(log.pageSize);
  for (let at = log.head; at + frame <= bytes.length; at += frame) {
    const own = at + log.frameSalts;
    if (!bytes.subarray(own, own + log.saltBytes).equals(salts)) {
      return false;
    }
    if (bytes.readUInt32BE(at) === page) {
      return true;
    }
  }
  return false;
}

function pragmaNumber(db: Sqlite, name: string): number {
  const [row] = db.pragma(name) as Record<string, number>[];
  return row?.[name] ?? 0;
}

/**
 * Reads every page that a start needs: those of the sagas that have not ended, by each index that leads to them,
 * overflow pages included. SQLite throws at a damaged page; rows that don't belong together are found here.
 */
const openSagas = `
SELECT group_concat(id, ', ') AS lost FROM (
  SELECT id FROM saga WHERE phase IN ('open', 'stuck') AND (
    NOT EXISTS (SELECT 1 FROM saga AS by_id WHERE by_id.id = saga.id AND by_id.number = saga.number)
    OR length(request || x'') + length(first_record || x'') + length(coalesce(answer, x'') || x'') IS NULL
    OR (SELECT sum(length(record || x'')) < 0 FROM entry WHERE saga = saga.number)
  ) LIMIT 3
)`;

function findDamage(db: Sqlite, path: string, whole: boolean): string | undefined {
  // If there is a log, missing pages may be in it, and SQLite finds out when it reads them.
  const expected = pragmaNumber(db, "page_count") * pragmaNumber(db, "page_size");
  const actual = statSync(path).size;
  if (logSize(path) === 0 && actual < expected) {
    return `it has ${actual} bytes of ${expected}`;
  }
  if (whole) {
    const [check] = db.pragma("integrity_check(1)") as { integrity_check: string }[];
    return check?.integrity_check === "ok" ? undefined : (check?.integrity_check ?? "the check gave no answer");
  }
  if (db.prepare("SELECT name FROM sqlite_schema WHERE name = 'saga'").all().length === 0) {
    return undefined; // No journal yet.
  }
  db.prepare("SELECT sum(length(body)) FROM message").get();
  const { lost } = db.prepare(openSagas).get() as { lost: string | null };
  return lost === null ? undefined : `its rows of open sagas don't fit together (${lost})`;
}
