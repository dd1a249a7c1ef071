import { isSagaError, SagaError } from "../../core/errors.js";

/** Whether SQLite says that the file is damaged, or none of its own. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT");
}

/** What a read or a write that failed in an open journal is reported as. */
export function failure(what: "read" | "written", path: string, error: unknown): SagaError {
  if (isSagaError(error)) {
    return error; // The work itself says why it can't be done.
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
