import type { UpstreamOutcome } from "../../engine/ports.js";
import { type Answer, isRefusal, Refusal, refusalAnswer } from "../../upstream/answer.js";
import { type BarrierRow, type BarrierRows, runSync } from "../../upstream/driver.js";
import { actionKeyOf, applyBarrier, type KeyedCall } from "../../upstream/rule.js";
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

/** A service that keeps books behind the barrier. */
export interface Ledger {
  readonly service: Service;
  readonly rows: ReadonlyMap<string, LedgerRow>;
}

/** Decides on a call that the barrier lets through: OK has its effect take place. Bytes are the answer's. */
export type Business = (arrived: Arrived) => UpstreamOutcome;

const nothing = new Uint8Array();

/** The key of the action that a call is, or undoes. */
export function actionKey(idempotencyKey: string): string {
  return actionKeyOf(idempotencyKey) ?? idempotencyKey;
}

/** Whether a call is a compensation's. */
export function isCompensation(idempotencyKey: string): boolean {
  return actionKeyOf(idempotencyKey) !== undefined;
}

/**
 * Makes a ledger behind the barrier that `protosaga/upstream` puts before a service, with its table in memory: each key
 * takes effect once and its answer is stored, so that a repeat gets the same one; a compensation that comes before its
 * action takes effect as nothing, and blocks the action, which is answered ABORTED.
 */
export function createLedger(business: Business = () => ({ ok: true, body: nothing })): Ledger {
  const rows = new Map<string, LedgerRow>();
  const table = new Map<string, BarrierRow>();

  function rowOf(key: string): LedgerRow {
    const row = rows.get(key) ?? { key, state: "none", effects: 0, undos: 0 };
    rows.set(key, row);
    return row;
  }

  /** One transaction after the other, each in a single moment. */
  function answer(arrived: Arrived): Answer {
    const { idempotencyKey: key, path: method, body, retriable } = arrived.attempt;
    const written = new Map<string, BarrierRow>();
    let effect = () => {};
    let saved = effect;
    const barrier: BarrierRows = {
      insert(row) {
        const isNew = !table.has(row.key) && !written.has(row.key);
        if (isNew) {
          written.set(row.key, row);
        }
        return isNew;
      },
      find: (wanted) => written.get(wanted) ?? table.get(wanted),
      settle(of, given) {
        const row = written.get(of);
        if (row !== undefined) {
          written.set(of, { ...row, state: "answered", answer: given });
        }
      },
      savepoint() {
        saved = effect;
      },
      rollBackToSavepoint() {
        effect = saved;
      },
    };
    const back = isCompensation(key);
    const about: KeyedCall = {
      key,
      method,
      // The bytes themselves tell requests apart as well as their hash does.
      requestHash: body,
      direction: back ? "compensation" : "action",
      actionKey: actionKeyOf(key),
      retriable,
    };
    const given = runSync(
      applyBarrier(barrier, about, () => {
        effect = () => take(rowOf(actionKey(key)), back);
        const outcome = business(arrived);
        if (!outcome.ok) {
          throw new Refusal(outcome.code, outcome.message);
        }
        return outcome.body;
      }),
    );
    for (const [at, row] of written) {
      table.set(at, row);
    }
    if (back) {
      rowOf(actionKey(key)); // "none", where its action never came.
    }
    effect();
    return given;
  }

  return {
    rows,
    service(arrived) {
      try {
        return outcomeOf(answer(arrived));
      } catch (error) {
        if (!isRefusal(error)) {
          throw error;
        }
        return outcomeOf(refusalAnswer(error)); // The transaction is rolled back, and nothing is stored.
      }
    },
  };
}

function take(row: LedgerRow, back: boolean): void {
  if (back) {
    row.state = "undone";
    row.undos++;
  } else {
    row.state = "done";
    row.effects++;
  }
}

function outcomeOf(answer: Answer): UpstreamOutcome {
  return answer.ok ? { ok: true, body: answer.response } : { ok: false, code: answer.code, message: answer.message };
}
