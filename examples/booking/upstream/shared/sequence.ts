import { join } from "node:path";
import Database from "libsql";

/** Hands out the ids of orders and payments: 1, 2, 3… across all processes that open the same file. */
export interface Sequence {
  next(): bigint;
  close(): void;
}

/** Opens the id sequence in a data directory. */
export function openSequence(data: string): Sequence {
  const db = new Database(join(data, "sequence.db"), { timeout: 5000 });
  // No WAL: two processes may create this file at the same time, and only the switch to WAL fails with "busy" at once,
  // without waiting for the other process.
  db.exec("PRAGMA synchronous=FULL");
  db.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS sequence (value INTEGER NOT NULL);
    INSERT INTO sequence SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sequence);
    COMMIT;
  `);
  const next = db.prepare("UPDATE sequence SET value = value + 1 RETURNING value").safeIntegers();

  return {
    next() {
      const row = next.get() as { value: bigint };
      return row.value;
    },
    close() {
      db.close();
    },
  };
}
