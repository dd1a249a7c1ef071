import { isSagaError, SagaError } from "../../core/errors.js";

/**
 * SQLSTATE classes, or whole codes, after which the same work may succeed on another connection: a failed connection, a
 * rollback for a serialization failure or a deadlock, insufficient resources, a lock or a cancelled statement, a server
 * that shuts down, starts or is a standby, and its own I/O errors.
 */
const transient = ["08", "40", "53", "55P03", "57", "58", "25006"];

/** SQLSTATE classes that say, when the journal is opened, that the URL, the rights or the schema are wrong. */
const misconfigured = ["28", "3D", "42", "3F", "0A", "22"];

/** Errors of TLS: they have no SQLSTATE, and are not transient. */
const tls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;

/** Whether work that failed so may succeed when it is done again: an error without an SQLSTATE is the connection's. */
export function isTransient(error: unknown): boolean {
  if (isSagaError(error) || error instanceof TypeError || error instanceof RangeError) {
    return false;
  }
  const state = sqlState(error);
  return state === undefined || transient.some((start) => state.startsWith(start));
}

/** The error of a failed read or write. */
export function unavailable(what: "read" | "written", error: unknown): SagaError {
  if (isSagaError(error)) {
    return error;
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be ${what}: ${message}`, { cause: error });
}

/** The error of a journal that can't be opened. @param place the host and the database, never the password */
export function openingError(place: string, error: unknown): SagaError {
  if (isSagaError(error)) {
    return error;
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // Node reports that every address of a host refused as one error without a text.
  const message = error instanceof Error ? error.message || code || error.name : String(error);
  const state = sqlState(error);
  const wrong =
    state === undefined
      ? tls.test(code) || /SSL|SASL|certificate/.test(message)
      : misconfigured.some((start) => state.startsWith(start));
  return new SagaError(
    wrong ? "SAGA_CONFIG_INVALID" : "SAGA_JOURNAL_UNAVAILABLE",
    `the journal at ${place} can't be opened: ${message}`,
    { cause: error },
  );
}

function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && "severity" in error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
