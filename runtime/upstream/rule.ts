import { SagaError } from "../core/errors.js";
import { isOutcomeUnknown } from "../core/status.js";
import { type Answer, isRefusal, refusalAnswer, sagaAnswer } from "./answer.js";
import { type Awaitable, type BarrierRow, type BarrierRows, type Work, wait } from "./driver.js";

const compensationSuffix = "/compensate";

/**
 * The key of the action that a compensation with this key compensates: `a/createOrder` for `a/createOrder/compensate`.
 * Matches the end of the key, because a saga id may contain slashes.
 * @returns undefined if the key is not the key of a saga's compensation
 */
export function actionKeyOf(key: string): string | undefined {
  return key.endsWith(compensationSuffix) && key.length > compensationSuffix.length
    ? key.slice(0, -compensationSuffix.length)
    : undefined;
}

/** A call of an RPC that has an effect. */
export interface BarrierCall {
  /** The call's idempotency key. Undefined: the call has its effect each time that it arrives. */
  readonly key: string | undefined;
  /** The path of the RPC: "/pb.OrderService/CreateOrder". */
  readonly method: string;
  /** The request's bytes as they arrived. A repeat must have the same bytes. */
  readonly request: Uint8Array;
  /** A compensation compensates the action that its key names. Every other call is an action. */
  readonly direction: "action" | "compensation";
  /** Whether the compensation also runs if its action was refused. Default: false. */
  readonly compensateOnFailure?: boolean | undefined;
  /**
   * Whether the caller repeats the call until it succeeds, as a saga does after its pivot. A refusal is then returned but
   * not stored, and a repeat runs the handler again. Default: false.
   */
  readonly retriable?: boolean | undefined;
}

/** A call with an idempotency key, as the rule takes it. */
export interface KeyedCall extends Omit<BarrierCall, "key" | "request"> {
  readonly key: string;
  /** SHA-256 of the request's bytes. */
  readonly requestHash: Uint8Array;
  /** Of a compensation: the key of its action, if known. */
  readonly actionKey?: string | undefined;
}

/** The action that a compensation compensates. */
export interface DoneAction {
  /** The path of the RPC. */
  readonly method: string;
  /** The bytes of its response. */
  readonly response: Uint8Array;
}

/** Thrown if a row was removed between an insert and a read. The barrier runs the transaction again. */
export class RowGone extends Error {
  override readonly name = "RowGone";
}

type Effect = (action?: DoneAction) => Awaitable<Uint8Array>;

/**
 * The rule of the barrier, inside one transaction: a key has one effect, and its answer is stored with the effect.
 * docs/how-to/guard-an-upstream.md states the rule in SQL.
 * @param effect runs the handler and returns the response's bytes. A compensation receives its action, unless the action is
 * unknown or was refused
 * @throws the effect's error, unless that error is the answer to store; the caller then rolls the transaction back
 */
export function* applyBarrier(rows: BarrierRows, call: KeyedCall, effect: Effect): Work<Answer> {
  const { key, method, requestHash } = call;
  if (!(yield* wait(rows.insert({ key, method, requestHash, state: "running" })))) {
    return storedAnswer(call, yield* wait(rows.find(key)));
  }
  const answer = call.direction === "action" ? yield* act(rows, call, effect) : yield* compensate(rows, call, effect);
  yield* wait(rows.settle(key, answer));
  return answer;
}

/**
 * Runs an action. A refusal is its answer, and its writes are rolled back. If the caller repeats the call until it
 * succeeds, the refusal is thrown and not stored: a stored one would be the answer to every repeat.
 */
function* act(rows: BarrierRows, { retriable }: KeyedCall, effect: Effect): Work<Answer> {
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
 * Runs a compensation. A refusal is thrown and not stored: the caller repeats the compensation until it succeeds, and the
 * cause of the refusal may be fixed by then.
 */
function* compensate(rows: BarrierRows, call: KeyedCall, effect: Effect): Work<Answer> {
  const { actionKey } = call;
  let done: DoneAction | undefined;
  if (actionKey !== undefined) {
    // Waits for an action that still runs. An action that comes later finds this row.
    // mutation: compensation-blocks-late-action
    const blocked = yield* wait(
      rows.insert({ key: actionKey, method: "", requestHash: new Uint8Array(), state: "blocked" }),
    );
    const action = blocked ? undefined : yield* wait(rows.find(actionKey));
    if (!blocked && action === undefined) {
      throw new RowGone(actionKey);
    }
    if (!tookEffect(action, call.compensateOnFailure ?? false)) {
      return sagaAnswer("SAGA_NOTHING_TO_UNDO", `${actionKey} took no effect and never will: nothing to compensate`);
    }
    done = action?.answer?.ok ? { method: action.method, response: action.answer.response } : undefined;
  }
  return { ok: true, response: yield* wait(effect(done)) };
}

function tookEffect(action: BarrierRow | undefined, compensateOnFailure: boolean): boolean {
  // mutation: undo-only-effects
  return action?.answer !== undefined && (action.answer.ok || compensateOnFailure);
}

/** The answer to a call whose key has a committed row. */
function storedAnswer(call: KeyedCall, row: BarrierRow | undefined): Answer {
  if (row === undefined) {
    throw new RowGone(call.key);
  }
  if (row.state === "blocked") {
    return sagaAnswer("SAGA_ACTION_BLOCKED", `${call.key} was compensated before it arrived and never takes effect`);
  }
  if (row.method !== call.method || Buffer.compare(row.requestHash, call.requestHash) !== 0) {
    const message = `idempotency-key ${call.key} was used before, with another request or another method`;
    return sagaAnswer("SAGA_KEY_TAKEN", message);
  }
  if (row.answer === undefined) {
    const message = `${call.key} has a row without an answer: its handler ended the transaction`;
    throw new SagaError("SAGA_INTERNAL", message);
  }
  return row.answer;
}
