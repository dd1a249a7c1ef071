import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { SagaError } from "../../core/errors.js";

/**
 * Holds a journal for this process alone: two servers on one journal would both recover the same sagas. The lock is a
 * transaction on a file beside the journal, so that it goes with the process however that ends, and the journal itself
 * can still be read by other programs. Only `exec` is used: libsql keeps a connection open as long as a prepared
 * statement of it has not been collected, whatever `close` says.
 * @returns a function that lets go of it
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
        `${path} is in use by another server. Stop that one, or give this one a data directory of its own.`,
        { cause: error },
      );
    }
    throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `${path} can't be locked: ${message}`, { cause: error });
  }
}

/** Looked at before SQLite is, whose "unable to open database file" tells nobody what to mend. */
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
  ENOTDIR: "would lie in a file, not in a folder (ENOTDIR)",
  EROFS: "is on a disk that is mounted read-only (EROFS)",
  EACCES: "may not be written by this user (EACCES)",
  EPERM: "may not be written by this user (EPERM)",
  ENOSPC: "can't be made, the disk is full (ENOSPC)",
};
