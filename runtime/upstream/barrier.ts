import { createHash } from "node:crypto";
import { isSagaError, SagaError } from "../core/errors.js";
import { type Answer, refusalAnswer } from "./answer.js";
import { actionKeyOf, longestKey } from "./keys.js";
import type { Awaitable, BarrierDriver } from "./port.js";
import { isRefusal } from "./refusal.js";
import { applyBarrier, type DoneAction, RowGone } from "./rule.js";
import { wait } from "./work.js";

/** A call of an RPC that has an effect. */
export interface BarrierCall {
  /** The call's idempotency key. Undefined: the effect happens each time that the call comes. */
  readonly key: string | undefined;
  /** The RPC, as in its path: "/pb.OrderService/CreateOrder". */
  readonly method: string;
  /** The request's bytes as they came: a repeat has the same ones. */
  readonly request: Uint8Array;
  /** A compensation undoes the action whose key its own names; anything else is an action. */
  readonly direction: "action" | "compensation";
  /** Whether the compensation is also to run where its action was refused. Default: false. */
  readonly compensateOnFailure?: boolean | undefined;
  /**
   * Whether the caller repeats the call until it succeeds, as a saga does past its pivot: then a refusal is answered and not
   * kept, and a repeat runs anew. Default: false.
   */
  readonly retriable?: boolean | undefined;
}

/** What an effect is told beside its transaction. */
export interface BarrierContext {
  /** Of a compensation: the key of the action that it undoes. Undefined where its own key names none. */
  readonly actionKey: string | undefined;
  /** Of a compensation: what its action did. Undefined where its key names none, or where the action was refused. */
  readonly action: DoneAction | undefined;
}

/** Has each call take effect once for its key, and keeps its answer. */
export interface Barrier<Tx, Sync extends boolean = boolean> {
  readonly driver: BarrierDriver<Tx, Sync>;
  /**
   * Answers a call: by its effect, in one transaction with the barrier's row, or by what is stored.
   * @param effect the handler: writes with the transaction and gives the response's bytes; throws a Refusal to say no. May
   * be run again where the database rolled its transaction back
   * @throws SagaError SAGA_KEY_INVALID, or SAGA_BARRIER_UNAVAILABLE where the call is to be repeated
   * @throws whatever else the effect threw; nothing is stored then
   */
  call(call: BarrierCall, effect: BarrierEffect<Tx>): Promise<Answer>;
}

/** Does what a call is to do, and gives the response's bytes. */
export type BarrierEffect<Tx> = (tx: Tx, context: BarrierContext) => Awaitable<Uint8Array>;

/** How a barrier works. */
export interface BarrierOptions {
  /** The most attempts at a transaction that the database rolls back for a deadlock or the like. Default: 5. */
  readonly attempts?: number;
  /** The key of the action that a compensation's key names. Default: the key without its `/compensate`. */
  readonly actionKeyOf?: (compensationKey: string) => string | undefined;
}

/** Makes a barrier on a database. */
export function createBarrier<Tx, Sync extends boolean>(
  driver: BarrierDriver<Tx, Sync>,
  options: BarrierOptions = {},
): Barrier<Tx, Sync> {
  const { attempts = 5, actionKeyOf: actionOf = actionKeyOf } = options;

  function attempt(call: BarrierCall, effect: BarrierEffect<Tx>): Promise<Answer> {
    const { key, method, direction, compensateOnFailure, retriable } = call;
    if (key === undefined) {
      return driver.transaction(function* (tx) {
        return { ok: true, response: yield* wait(effect(tx, { actionKey: undefined, action: undefined })) };
      });
    }
    const actionKey = direction === "compensation" ? actionOf(key) : undefined;
    const requestHash = createHash("sha256").update(call.request).digest();
    const keyed = { key, method, requestHash, direction, actionKey, compensateOnFailure, retriable };
    return driver.transaction((tx, rows) => applyBarrier(rows, keyed, (action) => effect(tx, { actionKey, action })));
  }

  return {
    driver,
    async call(call, effect) {
      if (call.key !== undefined && (call.key === "" || Buffer.byteLength(call.key) > longestKey)) {
        throw new SagaError("SAGA_KEY_INVALID", `an idempotency-key has from 1 to ${longestKey} bytes`);
      }
      // It would hold the key against the compensation that the key is for. (What another scheme makes of a key of an
      // action's is not known.)
      if (call.direction === "action" && call.key !== undefined && actionOf === actionKeyOf && actionOf(call.key)) {
        throw new SagaError(
          "SAGA_KEY_INVALID",
          `idempotency-key ${call.key} is a compensation's by its /compensate, and ${call.method} is none; send another key`,
        );
      }
      for (let count = 1; ; count++) {
        try {
          return await attempt(call, effect);
        } catch (error) {
          if (isRefusal(error)) {
            return refusalAnswer(error);
          }
          const fate = error instanceof RowGone ? "again" : isSagaError(error) ? "failed" : driver.fateOf(error);
          if (fate === "failed") {
            throw error;
          }
          if (fate === "unavailable" || count >= attempts) {
            throw unavailable(error);
          }
        }
      }
    },
  };
}

/** What a database that can't do it now is reported as. */
export function unavailable(cause: unknown): SagaError {
  const message = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new SagaError("SAGA_BARRIER_UNAVAILABLE", `the database can't take the call now: ${message}`, { cause });
}
