import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isSagaError, SagaError } from "../core/errors.js";
import { type Answer, isRefusal, refusalAnswer } from "./answer.js";
import { type Awaitable, type BarrierDriver, type Removal, unavailable, wait } from "./driver.js";
import { actionKeyOf, applyBarrier, type BarrierCall, type DoneAction, RowGone } from "./rule.js";

/** What an effect receives besides its transaction. */
export interface BarrierContext {
  /** Of a compensation: the key of its action. Undefined if the compensation's key names no action. */
  readonly actionKey: string | undefined;
  /** Of a compensation: its action. Undefined if the key names no action, or if the action was refused. */
  readonly action: DoneAction | undefined;
}

/** Lets each key take effect once, and stores the answer. */
export interface Barrier<Tx, Sync extends boolean = boolean> {
  readonly driver: BarrierDriver<Tx, Sync>;
  /**
   * Runs the effect and stores its answer, in one transaction; or returns the stored answer.
   * @param effect the handler: writes with the transaction and returns the response's bytes; throws a Refusal to reject the
   * call. Runs again if the database rolls its transaction back
   * @throws SagaError SAGA_KEY_INVALID; SAGA_BARRIER_UNAVAILABLE if the caller is to repeat the call
   * @throws any other error of the effect; nothing is stored then
   */
  call(call: BarrierCall, effect: BarrierEffect<Tx>): Promise<Answer>;
}

/** Writes the effect of a call and returns the response's bytes. */
export type BarrierEffect<Tx> = (tx: Tx, context: BarrierContext) => Awaitable<Uint8Array>;

/** Options of a barrier. */
export interface BarrierOptions {
  /** The maximum number of attempts at a transaction that the database rolls back, for example for a deadlock. Default: 5. */
  readonly attempts?: number;
  /** The key of the action that a compensation's key names. Default: the key without its `/compensate`. */
  readonly actionKeyOf?: (compensationKey: string) => string | undefined;
}

/** Keys must fit into an index of the database. */
const longestKey = 1024;

/** Creates a barrier on a database. */
export function createBarrier<Tx, Sync extends boolean>(
  driver: BarrierDriver<Tx, Sync>,
  options: BarrierOptions = {},
): Barrier<Tx, Sync> {
  const { attempts = 5, actionKeyOf: actionOf = actionKeyOf } = options;

  function attempt(call: BarrierCall, effect: BarrierEffect<Tx>): Promise<Answer> {
    const { key, request, ...rest } = call;
    if (key === undefined) {
      return driver.transaction(function* (tx) {
        return { ok: true, response: yield* wait(effect(tx, { actionKey: undefined, action: undefined })) };
      });
    }
    const actionKey = call.direction === "compensation" ? actionOf(key) : undefined;
    const keyed = { ...rest, key, actionKey, requestHash: createHash("sha256").update(request).digest() };
    return driver.transaction((tx, rows) => applyBarrier(rows, keyed, (action) => effect(tx, { actionKey, action })));
  }

  return {
    driver,
    async call(call, effect) {
      const { key, method, direction } = call;
      if (key !== undefined && (key === "" || Buffer.byteLength(key) > longestKey)) {
        throw new SagaError("SAGA_KEY_INVALID", `an idempotency-key must have 1 to ${longestKey} bytes`);
      }
      // The action's row would make the compensation with this key impossible. Only the default scheme of keys is known.
      if (direction === "action" && key !== undefined && actionOf === actionKeyOf && actionOf(key) !== undefined) {
        const reason = `idempotency-key ${key} ends in /compensate, but ${method} is not a compensation`;
        throw new SagaError("SAGA_KEY_INVALID", `${reason}; send another key`);
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

/** Options of {@link removeBarriers}. */
export interface RemoveOptions extends Pick<Removal, "olderThanMs"> {
  /** The maximum number of rows per transaction. Default: 1000. */
  readonly batch?: number;
  /** The pause between two batches, ms. Default: 100. */
  readonly pauseMs?: number;
  /** Stops the removal after the current batch. */
  readonly signal?: AbortSignal;
}

/**
 * Removes rows older than the given age, in small batches. See docs/how-to/guard-an-upstream.md for the age to choose: if a row is
 * removed too early, a late call takes effect again, or an effect is not compensated.
 * @returns the number of removed rows
 */
export async function removeBarriers(
  driver: Pick<BarrierDriver<never>, "remove">,
  options: RemoveOptions,
): Promise<number> {
  const { olderThanMs, batch = 1000, pauseMs = 100, signal } = options;
  let removed = 0;
  while (signal?.aborted !== true) {
    const count = await driver.remove({ olderThanMs, limit: batch });
    removed += count;
    if (count < batch) {
      break;
    }
    // An abort during the pause is not an error: the loop ends.
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
  return removed;
}
