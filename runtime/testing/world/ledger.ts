import { Status } from "../../core/status.js";
import type { UpstreamOutcome } from "../../engine/ports.js";
import type { Arrived, Service } from "./upstreams.js";

/** What a ledger holds of one action: "none" where its compensation came first, so that it must never take effect. */
export interface LedgerRow {
  /** `<saga id>/<step>` */
  readonly key: string;
  state: "done" | "undone" | "none";
  /** How often the action took effect: more than once is what the barrier must prevent. */
  effects: number;
  undos: number;
}

/** A service that keeps books under the rules of the barrier. */
export interface Ledger {
  readonly service: Service;
  readonly rows: ReadonlyMap<string, LedgerRow>;
}

/** Decides on a call that the barrier lets through: OK has its effect take place. Bytes are the answer's. */
export type Business = (arrived: Arrived) => UpstreamOutcome;

const suffix = "/compensate";
const nothing = new Uint8Array();

/** The key of the action that a call is, or undoes. */
export function actionKey(idempotencyKey: string): string {
  return idempotencyKey.endsWith(suffix) ? idempotencyKey.slice(0, -suffix.length) : idempotencyKey;
}

/** Whether a call is a compensation's. */
export function isCompensation(idempotencyKey: string): boolean {
  return idempotencyKey.endsWith(suffix);
}

/**
 * Makes a ledger with a barrier before it: each key takes effect once and its answer is stored, so that a repeat gets the
 * same one; a compensation that comes before its action takes effect as nothing, and blocks the action, which is answered
 * ABORTED. What the business refuses is rolled back, with no trace.
 */
export function createLedger(business: Business = () => ({ ok: true, body: nothing })): Ledger {
  const rows = new Map<string, LedgerRow>();
  const answers = new Map<string, UpstreamOutcome>();

  function act(arrived: Arrived, key: string): UpstreamOutcome {
    const row = rows.get(key);
    if (row?.state === "none") {
      return { ok: false, code: Status.ABORTED, message: `${key} was compensated before it came` };
    }
    const outcome = business(arrived);
    if (outcome.ok) {
      rows.set(key, { key, state: "done", effects: (row?.effects ?? 0) + 1, undos: row?.undos ?? 0 });
    }
    return outcome;
  }

  function undo(arrived: Arrived, key: string): UpstreamOutcome {
    const row = rows.get(key);
    const outcome = business(arrived);
    if (!outcome.ok) {
      return outcome;
    }
    if (row === undefined) {
      rows.set(key, { key, state: "none", effects: 0, undos: 0 });
      return { ok: false, code: Status.NOT_FOUND, message: `${key} never took effect, and never will` };
    }
    if (row.state === "none") {
      return { ok: false, code: Status.NOT_FOUND, message: `${key} never took effect, and never will` };
    }
    row.state = "undone";
    row.undos++;
    return outcome;
  }

  return {
    rows,
    service(arrived) {
      const { idempotencyKey } = arrived.attempt;
      const known = answers.get(idempotencyKey);
      if (known !== undefined) {
        return known;
      }
      const key = actionKey(idempotencyKey);
      const outcome = isCompensation(idempotencyKey) ? undo(arrived, key) : act(arrived, key);
      if (outcome.ok) {
        answers.set(idempotencyKey, outcome);
      }
      return outcome;
    },
  };
}
