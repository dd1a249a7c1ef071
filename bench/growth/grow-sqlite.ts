import { existsSync, renameSync, rmSync } from "node:fs";
import Database from "libsql";
import { migration, schemaVersion } from "../../runtime/journal/sqlite/schema.js";
import { note } from "../support/rounds.js";
import { type Row, rowsOf, type Size } from "./rows.js";

/**
 * Makes a journal file of this size, or finds the one that a run before has left.
 * @param folder where it is kept between runs
 * @returns its path
 */
export function growSqlite(folder: string, { finished, open }: Size): string {
  const path = `${folder}/grown-v${schemaVersion}-${finished}-${open}.db`;
  if (existsSync(path)) {
    return path;
  }
  const began = performance.now();
  const making = `${path}.making`;
  for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(making + end, { force: true });
  const db = new Database(making);
  // It need not survive this process.
  for (const pragma of ["journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000"]) db.pragma(pragma);
  db.exec(migration(0));
  const insert = inserter(db);
  db.exec("BEGIN");
  for (const row of rowsOf({ finished, open }, Date.now())) insert(row);
  db.exec("COMMIT");
  db.pragma("journal_mode = WAL");
  db.close();
  renameSync(making, path);
  note(`a journal of ${finished} finished and ${open} open sagas made in ${seconds(began)} s: ${path}`);
  return path;
}

function inserter(db: InstanceType<typeof Database>): (row: Row) => void {
  const saga = db.prepare("INSERT INTO saga VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const record = db.prepare("INSERT INTO entry VALUES (?, ?, ?)");
  let number = 0;
  return ({ id, facade, fingerprint, request, records, phase, answer, createdAtMs, endedAtMs }) => {
    saga.run(++number, id, facade, fingerprint, request, records[0], phase, answer, createdAtMs, endedAtMs);
    for (let seq = 1; seq < records.length; seq++) record.run(number, seq, records[seq]);
  };
}

/** The time since then, s. */
export function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
