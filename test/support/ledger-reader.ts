import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

/** An order or a payment, as the ledger holds it. */
export interface LedgerEntry {
  readonly id: bigint;
  readonly requestId: string;
  readonly status: "created" | "cancelled";
}

/** A change that happened: one entry for each time. */
export interface LedgerEffect {
  /** The idempotency key; "" if the call had none. */
  readonly key: string;
  readonly method: "create" | "cancel";
  readonly requestId: string;
}

/** What one upstream's ledger says. */
export interface Book {
  readonly entries: readonly LedgerEntry[];
  readonly effects: readonly LedgerEffect[];
  /** How often an idempotency key had an effect: never more than once, if all is well. */
  readonly effectsByKey: ReadonlyMap<string, number>;
  /** Saga ids whose action the barrier blocked: its compensation arrived first, and it never takes effect. */
  readonly tombstones: readonly string[];
}

/** Both ledgers of a data directory. */
export interface Ledgers {
  readonly orders: Book;
  readonly payments: Book;
}

/** Reads the upstreams' ledgers, whether their processes run or not, and changes nothing. */
export function readLedgers(data: string): Ledgers {
  return { orders: readBook(data, "order"), payments: readBook(data, "payment") };
}

function readBook(data: string, noun: "order" | "payment"): Book {
  const file = join(data, `${noun}.db`);
  if (!existsSync(file)) return { entries: [], effects: [], effectsByKey: new Map(), tombstones: [] };
  const db = new Database(file, { timeout: 5000 });
  try {
    db.exec("PRAGMA query_only = ON");
    // SQL names the columns as the type does, so that a row is what the type says.
    const rows = <Row>(sql: string) => db.prepare(sql).safeIntegers().all() as Row[];
    const entries = rows<LedgerEntry>(
      `SELECT ${noun}_id AS id, request_id AS requestId, status FROM ${noun}s ORDER BY 1`,
    );
    const effects = rows<LedgerEffect>(
      "SELECT coalesce(idempotency_key, '') AS key, method, request_id AS requestId FROM effects ORDER BY number",
    );
    const blocked = rows<{ key: string }>("SELECT key FROM saga_barriers WHERE state = 'blocked' ORDER BY 1");
    const effectsByKey = new Map<string, number>();
    for (const { key } of effects) effectsByKey.set(key, (effectsByKey.get(key) ?? 0) + 1);
    return {
      // libsql adds a `_metadata` property to each row, which would get in the way of toEqual.
      entries: entries.map(({ id, requestId, status }) => ({ id, requestId, status })),
      effects: effects.map(({ key, method, requestId }) => ({ key, method, requestId })),
      effectsByKey,
      tombstones: blocked.map(({ key }) => key.slice(0, key.lastIndexOf("/"))),
    };
  } finally {
    db.close();
  }
}
