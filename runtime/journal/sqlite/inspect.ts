import { statSync } from "node:fs";
import type { Sqlite } from "./open.js";

/**
 * Reads every page that a start relies on: those of the sagas that have not ended, by each index that leads to them, with
 * whatever overflows. SQLite throws at a page that is damaged; what does not fit together comes out here. How long it
 * takes depends on how much is open, not on how much has ended.
 */
const openSagas = `
SELECT group_concat(id, ', ') AS lost FROM (
  SELECT id FROM saga WHERE phase IN ('open', 'stuck') AND (
    NOT EXISTS (SELECT 1 FROM saga AS by_id WHERE by_id.id = saga.id AND by_id.number = saga.number)
    OR length(request || x'') + length(first_record || x'') + length(coalesce(answer, x'') || x'') IS NULL
    OR (SELECT sum(length(record || x'')) < 0 FROM entry WHERE saga = saga.number)
  ) LIMIT 3
)`;

/**
 * What is wrong with a journal's file, as far as that can be told without reading all of it.
 * @param whole reads all of it, and compares every index with its table
 * @returns undefined where nothing is known to be wrong
 * @throws errors of SQLite, where a page is damaged
 */
export function findDamage(db: Sqlite, path: string, whole: boolean): string | undefined {
  const short = missingPages(db, path);
  if (short !== undefined) {
    return short;
  }
  if (whole) {
    const [check] = db.pragma("integrity_check(1)") as { integrity_check: string }[];
    return check?.integrity_check === "ok" ? undefined : (check?.integrity_check ?? "the check gave no answer");
  }
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name = 'saga'").all();
  if (tables.length === 0) {
    return undefined; // No journal yet, or none of ours: the caller judges.
  }
  db.prepare("SELECT sum(length(body)) FROM message").get();
  const { lost } = db.prepare(openSagas).get() as { lost: string | null };
  return lost === null ? undefined : `what it holds of open sagas doesn't fit together (${lost})`;
}

/** A file that was cut. Where a log is left, its pages may be there, and SQLite finds out when it reads them. */
function missingPages(db: Sqlite, path: string): string | undefined {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  const [count] = db.pragma("page_count") as { page_count: number }[];
  const [size] = db.pragma("page_size") as { page_size: number }[];
  const expected = (count?.page_count ?? 0) * (size?.page_size ?? 0);
  const actual = statSync(path).size;
  return log === 0 && actual < expected ? `it has ${actual} bytes of ${expected}` : undefined;
}
