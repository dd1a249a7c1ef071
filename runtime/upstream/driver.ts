/**
 * The driver port of the upstream kit, for authors of drivers: the interface that a driver implements, helpers to run a
 * barrier's work in a transaction, and the table's columns for drivers of SQL databases. Entry `protosaga/upstream/driver`.
 */
import { SagaError } from "../core/errors.js";
import type { Answer } from "./answer.js";

export { isSagaError, SagaError, type SagaErrorCode } from "../core/errors.js";
export { type Answer, isRefusal, Refusal, type RefusalOptions, type RefusedAnswer } from "./answer.js";

/** A value that a synchronous driver returns directly and an asynchronous one as a promise. */
export type Awaitable<Value> = Value | Promise<Value>;

/**
 * The state of a key. `running`: its transaction is still open; never committed. `answered`: the row has an answer.
 * `blocked`: the key of an action whose compensation came first; the action never takes effect.
 */
export type BarrierState = "running" | "answered" | "blocked";

/** A row to insert. */
export interface NewBarrierRow {
  readonly key: string;
  /** The path of the RPC: "/pb.OrderService/CreateOrder". "" for a blocked action, whose RPC is not known. */
  readonly method: string;
  /** SHA-256 of the request's bytes; empty for a blocked action. */
  readonly requestHash: Uint8Array;
  readonly state: "running" | "blocked";
}

/** A row of the barrier's table. */
export interface BarrierRow extends Omit<NewBarrierRow, "state"> {
  readonly state: BarrierState;
  /** Set if the state is `answered`. */
  readonly answer?: Answer | undefined;
}

/** The barrier's table inside one open transaction. */
export interface BarrierRows {
  /**
   * Inserts a row unless the key has one. If another open transaction inserted the key, waits until that transaction ends:
   * this orders repeats, and an action and its compensation.
   * @returns whether the row was inserted
   */
  insert(row: NewBarrierRow): Awaitable<boolean>;
  /** The row of a key: this transaction's or a committed one, even if it was committed after this transaction began. */
  find(key: string): Awaitable<BarrierRow | undefined>;
  /** Stores the answer in a row that this transaction inserted, and sets its state to `answered`. */
  settle(key: string, answer: Answer): Awaitable<void>;
  /** Sets the savepoint for {@link rollBackToSavepoint}. */
  savepoint(): Awaitable<void>;
  /** Discards all writes since the savepoint, even after a failed statement. */
  rollBackToSavepoint(): Awaitable<void>;
}

/**
 * The work of one transaction as a generator. It yields the value or promise of each operation and receives the value, so
 * that one rule serves synchronous and asynchronous drivers. Run it with {@link runSync} or {@link runAsync}.
 */
export type Work<Result> = Generator<unknown, Result, unknown>;

/** Yields one operation inside {@link Work}: `const row = yield* wait(rows.find(key))`. */
export function* wait<Value>(value: Awaitable<Value>): Generator<Awaitable<Value>, Value, unknown> {
  return (yield value) as Value;
}

/** Runs work whose operations return promises or values. */
export async function runAsync<Result>(work: Work<Result>): Promise<Result> {
  let step = work.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(value);
  }
  return step.value;
}

/**
 * Runs work whose operations return values, in one synchronous call: no other code of the process runs in between.
 * @throws TypeError if an operation returns a promise, because the transaction would stay open while it is pending
 */
export function runSync<Result>(work: Work<Result>): Result {
  let step = work.next();
  while (!step.done) {
    const { value } = step;
    if (typeof value === "object" && value !== null && "then" in value && typeof value.then === "function") {
      // The promise is discarded; a rejection must not end the process.
      value.then(undefined, () => {});
      step = work.throw(
        new TypeError("the handler returned a promise; with this driver, handlers must be synchronous"),
      );
    } else {
      step = work.next(value);
    }
  }
  return step.value;
}

/**
 * What an error of a transaction means.
 * - `again`: nothing was committed, and an immediate retry may succeed (a deadlock, a serialization failure)
 * - `unavailable`: the database can't run the work now, or the outcome of the commit is unknown; the caller repeats the call
 * - `failed`: any other error, such as a bug in the handler
 */
export type Fate = "again" | "unavailable" | "failed";

/** Which old rows to remove. */
export interface Removal {
  /** The minimum age of the rows to remove, by the database's clock, ms. */
  readonly olderThanMs: number;
  /** The maximum number of rows to remove. */
  readonly limit: number;
}

/**
 * A database that holds the upstream's data and the barrier's table.
 * @typeParam Tx what handlers write with, inside the transaction
 * @typeParam Sync whether handlers must be synchronous
 */
export interface BarrierDriver<Tx, Sync extends boolean = boolean> {
  readonly sync: Sync;
  /**
   * Runs work in a new transaction. Commits and returns the work's result, or rolls back and throws the work's error.
   * @throws SagaError SAGA_BARRIER_UNAVAILABLE if the outcome of the commit is unknown
   */
  transaction<Result>(work: (tx: Tx, rows: BarrierRows) => Work<Result>): Promise<Result>;
  /** Classifies an error that {@link transaction} threw and that is neither a refusal nor a SagaError. */
  fateOf(error: unknown): Fate;
  /** Removes one batch of old rows, the oldest first. @returns the number of removed rows */
  remove(removal: Removal): Promise<number>;
}

/** Wraps an error that means that the database is unavailable: the caller repeats the call with the same key. */
export function unavailable(cause: unknown): SagaError {
  const message = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new SagaError("SAGA_BARRIER_UNAVAILABLE", `the database is unavailable: ${message}`, { cause });
}

/** A row of `saga_barriers` as an SQL database returns it. Integers may be bigints, bytes of any Uint8Array class. */
export interface StoredRow {
  readonly key: string;
  readonly method: string;
  readonly request_sha256: Uint8Array;
  readonly state: BarrierState;
  readonly code: number | bigint | null;
  readonly message: string | null;
  readonly details: Uint8Array | null;
  readonly response: Uint8Array | null;
}

/** The columns of {@link StoredRow}, in order, for a SELECT. */
export const rowColumns = "key, method, request_sha256, state, code, message, details, response";

/** Reads a row. */
export function readRow(row: StoredRow): BarrierRow {
  const { key, method, request_sha256: requestHash, state } = row;
  return { key, method, requestHash, state, answer: state === "answered" ? readAnswer(row) : undefined };
}

function readAnswer({ code, message, details, response }: StoredRow): Answer {
  return Number(code) === 0
    ? { ok: true, response: response ?? new Uint8Array() }
    : { ok: false, code: Number(code), message: message ?? "", details: details ?? new Uint8Array() };
}

/** The values of the columns code, message, details and response for an answer. */
export function answerColumns(answer: Answer): [number, string | null, Buffer | null, Buffer | null] {
  return answer.ok
    ? [0, null, null, toBuffer(answer.response)]
    : [answer.code, answer.message, toBuffer(answer.details), null];
}

/** SQL packages accept a Buffer; some reject other views, or store the whole underlying ArrayBuffer. */
function toBuffer(view: Uint8Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** Checks that `settle` updated the row. @throws Error if the handler rolled the transaction back */
export function expectRow(key: string, updated: number | null): void {
  if (updated !== 1) {
    throw new Error(`the row of ${key} is missing from its transaction: the handler rolled the transaction back`);
  }
}
