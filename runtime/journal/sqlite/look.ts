import { existsSync } from "node:fs";
import Database from "libsql";
import { isSagaError } from "../../core/errors.js";
import { type InFlightRow, toInFlight } from "../in-flight.js";
import type { SagasInFlight } from "../journal.js";
import { describe, inspectHead } from "./open.js";
import { queries } from "./queries.js";

/**
 * What is in flight in a journal file, without a lock on it and without a write to it: a server may run on it meanwhile.
 * @returns undefined where there is no such file, or nothing in it yet
 * @throws SagaError SAGA_JOURNAL_CORRUPT, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE
 */
export function lookAtSqliteJournal(path: string): readonly SagasInFlight[] | undefined {
  if (!existsSync(path)) {
    return undefined;
  }
  try {
    inspectHead(path);
    const db = new Database(path, { readonly: true, timeout: 5_000 });
    try {
      const tables = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'saga'").all();
      return tables.length === 0 ? undefined : toInFlight(db.prepare(queries.inFlight).all() as InFlightRow[]);
    } finally {
      db.close();
    }
  } catch (error) {
    throw isSagaError(error) ? error : describe(path, error);
  }
}
