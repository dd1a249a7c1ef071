import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import Database from "libsql";
import { Refusal } from "./refusal.js";

/** One call with an effect, as far as its repeats must be recognised. */
export interface LedgerCall<Response> {
  /** Absent: the call is made each time it comes. */
  readonly key: string | undefined;
  readonly method: string;
  /** The request's bytes: a repeat has the same ones. */
  readonly request: Uint8Array;
  readonly response: {
    encode(message: Response): { finish(): Uint8Array };
    decode(bytes: Uint8Array): Response;
  };
}

/** A durable book of effects, in which each call with an idempotency key happens once. */
export interface Ledger {
  readonly db: Database.Database;
  /**
   * Runs a call's effect in one transaction and keeps its answer in the same one; a repeat gets the kept answer.
   * What the effect wrote before it threw a Refusal stays; after any other error nothing does.
   */
  once<Response>(call: LedgerCall<Response>, effect: () => Response): Response;
  /** Notes an effect that really happened, for whoever audits the books. */
  note(key: string | undefined, method: string, requestId: string): void;
  close(): void;
}

interface KeptAnswer {
  readonly method: string;
  readonly request: Uint8Array;
  readonly code: number;
  readonly message: string;
  readonly response: Uint8Array;
}

/** Opens or creates `<data>/<name>.db`. */
export function openLedger(data: string, name: string): Ledger {
  mkdirSync(data, { recursive: true });
  const db = new Database(join(data, `${name}.db`), { timeout: 5000 });
  db.exec(`
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=FULL;
    CREATE TABLE IF NOT EXISTS answers (
      idempotency_key TEXT PRIMARY KEY,
      method TEXT NOT NULL,
      request BLOB NOT NULL,
      code INTEGER NOT NULL,
      message TEXT NOT NULL,
      response BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS effects (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      idempotency_key TEXT,
      method TEXT NOT NULL,
      request_id TEXT NOT NULL
    );
  `);
  const find = db.prepare("SELECT method, request, code, message, response FROM answers WHERE idempotency_key = ?");
  const keep = db.prepare("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)");
  const note = db.prepare("INSERT INTO effects (idempotency_key, method, request_id) VALUES (?, ?, ?)");
  const nothing = Buffer.alloc(0);

  /** The call's response, or the refusal that it met. */
  function answer<Response>(call: LedgerCall<Response>, effect: () => Response): Response | Refusal {
    const kept = call.key === undefined ? undefined : (find.get([call.key]) as KeptAnswer | undefined);
    if (kept !== undefined) {
      if (kept.method !== call.method || Buffer.compare(kept.request, call.request) !== 0) {
        return new Refusal(status.ABORTED, `idempotency-key ${call.key} was used before, by another call`);
      }
      return kept.code === status.OK ? call.response.decode(kept.response) : new Refusal(kept.code, kept.message);
    }
    let result: Response | Refusal;
    try {
      result = effect();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      result = error;
    }
    if (call.key !== undefined) {
      const row =
        result instanceof Refusal
          ? [result.code, result.message, nothing]
          : [status.OK, "", call.response.encode(result).finish()];
      keep.run([call.key, call.method, call.request, ...row]);
    }
    return result;
  }

  return {
    db,
    once(call, effect) {
      // A refusal is returned out of the transaction and thrown after it: thrown inside, it would roll it back.
      const result = db.transaction(() => answer(call, effect)).immediate();
      if (result instanceof Refusal) throw result;
      return result;
    },
    note(key, method, requestId) {
      note.run([key ?? null, method, requestId]);
    },
    close() {
      db.close();
    },
  };
}
