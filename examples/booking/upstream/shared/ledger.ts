import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { type Barrier, createBarrier, sqliteDriver } from "protosaga/upstream";

/** A service's database: its own tables, the barrier's, and a ledger of effects. */
export interface Ledger {
  readonly db: Database.Database;
  /** Lets each call with an idempotency key take effect once. */
  readonly barrier: Barrier<Database.Database, true>;
  /** Records an effect that happened, for audits. */
  note(key: string | undefined, method: string, requestId: string): void;
  close(): void;
}

/** Opens or creates `<data>/<name>.db`. */
export function openLedger(data: string, name: string): Ledger {
  mkdirSync(data, { recursive: true });
  const db = new Database(join(data, `${name}.db`), { timeout: 5000 });
  db.exec(`
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=FULL;
    CREATE TABLE IF NOT EXISTS effects (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      idempotency_key TEXT,
      method TEXT NOT NULL,
      request_id TEXT NOT NULL
    );
  `);
  const note = db.prepare("INSERT INTO effects (idempotency_key, method, request_id) VALUES (?, ?, ?)");

  return {
    db,
    barrier: createBarrier(sqliteDriver(db)),
    note(key, method, requestId) {
      note.run([key ?? null, method, requestId]);
    },
    close() {
      db.close();
    },
  };
}
