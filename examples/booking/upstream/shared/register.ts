import { Refusal } from "protosaga/upstream";
import type { Ledger } from "./ledger.js";
import type { Sequence } from "./sequence.js";

/** What a register holds. */
export interface RegisterOptions {
  /** "order": for messages; its table is "orders". */
  readonly noun: "order" | "payment";
  /** The two columns that only this kind of entry has. */
  readonly columns: readonly [string, string];
}

/** One entry: an order or a payment. */
export interface Entry {
  readonly id: bigint;
  readonly requestId: string;
  readonly values: readonly [bigint, bigint];
  readonly cancelled: boolean;
}

/** By what an entry is looked up. */
export type EntryKey =
  | { readonly $case: "requestId"; readonly value: string }
  | { readonly $case: "id"; readonly value: bigint };

/** The caller of a change. The ledger records the key with each effect. */
export interface Cause {
  readonly key: string | undefined;
  readonly requestId: string;
}

/** The entries of one kind. A cancelled entry stays in its table, marked. */
export interface Register {
  /** Makes the one entry of a request id and returns its id. */
  create(cause: Cause, values: readonly [bigint, bigint]): bigint;
  /** Cancels the entry of a request id. Cancelling twice is fine. */
  cancel(cause: Cause): void;
  find(by: EntryKey): Entry;
}

interface Row {
  readonly id: bigint;
  readonly request_id: string;
  readonly first: bigint;
  readonly second: bigint;
  readonly status: string;
}

/** Opens the register of one kind of entry in a ledger. Its writes belong inside the barrier's transaction. */
export function openRegister(ledger: Ledger, sequence: Sequence, { noun, columns }: RegisterOptions): Register {
  const [first, second] = columns;
  const id = `${noun}_id`;
  ledger.db.exec(`
    CREATE TABLE IF NOT EXISTS ${noun}s (
      ${id} INTEGER PRIMARY KEY,
      request_id TEXT NOT NULL UNIQUE,
      ${first} INTEGER NOT NULL,
      ${second} INTEGER NOT NULL,
      status TEXT NOT NULL
    );
  `);
  const select = `SELECT ${id} AS id, request_id, ${first} AS first, ${second} AS second, status FROM ${noun}s`;
  const byId = ledger.db.prepare(`${select} WHERE ${id} = ?`).safeIntegers();
  const byRequestId = ledger.db.prepare(`${select} WHERE request_id = ?`).safeIntegers();
  const insert = ledger.db.prepare(`INSERT INTO ${noun}s VALUES (?, ?, ?, ?, 'created')`);
  const markCancelled = ledger.db.prepare(`UPDATE ${noun}s SET status = 'cancelled' WHERE request_id = ?`);

  function lookUp(by: EntryKey): Entry | undefined {
    const row = (by.$case === "id" ? byId : byRequestId).get([by.value]) as Row | undefined;
    return (
      row && {
        id: row.id,
        requestId: row.request_id,
        values: [row.first, row.second],
        cancelled: row.status === "cancelled",
      }
    );
  }

  return {
    create({ key, requestId }, values) {
      if (requestId === "") throw new Refusal("INVALID_ARGUMENT", "missing request_id");
      if (lookUp({ $case: "requestId", value: requestId }) !== undefined) {
        throw new Refusal("ALREADY_EXISTS", `request ${requestId} has its ${noun} already`);
      }
      const id = sequence.next();
      insert.run([id, requestId, ...values]);
      ledger.note(key, "create", requestId);
      return id;
    },
    cancel({ key, requestId }) {
      if (requestId === "") throw new Refusal("INVALID_ARGUMENT", "missing request_id");
      const entry = lookUp({ $case: "requestId", value: requestId });
      if (entry === undefined) throw new Refusal("NOT_FOUND", `request ${requestId} has no ${noun}`);
      if (entry.cancelled) return;
      markCancelled.run([requestId]);
      ledger.note(key, "cancel", requestId);
    },
    find(by) {
      const entry = lookUp(by);
      if (entry === undefined) {
        const which = by.$case === "id" ? `${noun} ${by.value}` : `${noun} of request ${by.value}`;
        throw new Refusal("NOT_FOUND", `no ${which}`);
      }
      return entry;
    },
  };
}
