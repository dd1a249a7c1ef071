import { SagaError } from "../core/errors.js";
import { isOutcomeUnknown } from "../core/status.js";
import { type Answer, ownAnswer, refusalAnswer } from "./answer.js";
import type { Awaitable, BarrierRow, BarrierRows, Work } from "./port.js";
import { isRefusal } from "./refusal.js";
import { wait } from "./work.js";

/** A call with an idempotency key. */
export interface KeyedCall {
  readonly key: string;
  /** The RPC, as in its path. */
  readonly method: string;
  /** SHA-256 of the request's bytes. */
  readonly requestHash: Uint8Array;
  readonly direction: "action" | "compensation";
  /** The key of the action that a compensation undoes, where it is known. */
  readonly actionKey?: string | undefined;
  /** Whether the compensation is also to run where its action was refused. */
  readonly compensateOnFailure?: boolean | undefined;
  /** Whether the caller repeats the call until it succeeds. */
  readonly retriable?: boolean | undefined;
}

/** What a compensation undoes. */
export interface DoneAction {
  /** The RPC, as in its path. */
  readonly method: string;
  /** The bytes of what it answered. */
  readonly response: Uint8Array;
}

/** Thrown where a row was removed between two looks at it: the work is done again. */
export class RowGone extends Error {
  override readonly name = "RowGone";
}

/**
 * The rule of the barrier, inside one transaction: an effect happens once for its key, and its answer is stored with it.
 * docs/upstream-kit.md tells it in SQL.
 * @param effect runs the handler, and gives the response's bytes; a compensation's is told what its action did, unless that
 * is not known or was refused
 * @throws what the effect threw, unless that is the stored answer: the transaction is then to be rolled back
 */
export function* applyBarrier(
  rows: BarrierRows,
  call: KeyedCall,
  effect: (action?: DoneAction) => Awaitable<Uint8Array>,
): Work<Answer> {
  const { key, method, requestHash } = call;
  if (!(yield* wait(rows.insert({ key, method, requestHash, state: "running" })))) {
    return answerRepeat(call, yield* wait(rows.find(key)));
  }
  const answer = call.direction === "action" ? yield* act(rows, call, effect) : yield* undo(rows, call, effect);
  yield* wait(rows.settle(key, answer));
  return answer;
}

/**
 * An action's answer is its response or its refusal; with a refusal, nothing that it wrote stays. Of a call that is repeated
 * until it succeeds a refusal is thrown, and so not stored: no repeat could ever get another answer.
 */
function* act(rows: BarrierRows, { retriable }: KeyedCall, effect: () => Awaitable<Uint8Array>): Work<Answer> {
  yield* wait(rows.savepoint());
  try {
    return { ok: true, response: yield* wait(effect()) };
  } catch (error) {
    // mutation: refusal-past-pivot-is-not-kept
    if (!isRefusal(error) || isOutcomeUnknown(error.status) || retriable) {
      throw error;
    }
    yield* wait(rows.rollBackToSavepoint());
    return refusalAnswer(error);
  }
}

/**
 * A compensation's refusal is thrown, and so not stored: the caller repeats it until it succeeds, and what stood in its
 * way may be gone by then.
 */
function* undo(
  rows: BarrierRows,
  call: KeyedCall,
  effect: (action?: DoneAction) => Awaitable<Uint8Array>,
): Work<Answer> {
  const { actionKey } = call;
  let done: DoneAction | undefined;
  if (actionKey !== undefined) {
    // Waits for an action that still runs; after this, one that comes later finds the row.
    // mutation: compensation-blocks-late-action
    const blocked = yield* wait(
      rows.insert({ key: actionKey, method: "", requestHash: new Uint8Array(), state: "blocked" }),
    );
    const action = blocked ? undefined : yield* wait(rows.find(actionKey));
    if (!blocked && action === undefined) {
      throw new RowGone(actionKey);
    }
    if (!tookEffect(action, call.compensateOnFailure ?? false)) {
      return ownAnswer(
        "SAGA_NOTHING_TO_UNDO",
        `${actionKey} took no effect here and never will: there is nothing to undo`,
      );
    }
    done = action?.answer?.ok ? { method: action.method, response: action.answer.response } : undefined;
  }
  return { ok: true, response: yield* wait(effect(done)) };
}

function tookEffect(action: BarrierRow | undefined, compensateOnFailure: boolean): boolean {
  // mutation: undo-only-effects
  return action?.answer !== undefined && (action.answer.ok || compensateOnFailure);
}

/** What a call gets whose key has a committed row. */
function answerRepeat(call: KeyedCall, row: BarrierRow | undefined): Answer {
  if (row === undefined) {
    throw new RowGone(call.key);
  }
  if (row.state === "blocked") {
    return ownAnswer("SAGA_ACTION_BLOCKED", `${call.key} was compensated before it came, and never takes effect`);
  }
  if (row.method !== call.method || Buffer.compare(row.requestHash, call.requestHash) !== 0) {
    return ownAnswer("SAGA_KEY_TAKEN", `idempotency-key ${call.key} was used before, for another request or method`);
  }
  if (row.answer === undefined) {
    throw new SagaError(
      "SAGA_INTERNAL",
      `${call.key} has a row without an answer: its handler ended the transaction itself`,
    );
  }
  return row.answer;
}
