import type { Answer } from "./answer.js";

/** A value that a synchronous driver gives at once and an asynchronous one later. */
export type Awaitable<Value> = Value | Promise<Value>;

/**
 * What is known of a key. `running` is never committed: it is the row of a transaction that has not ended. `answered` has
 * its answer. `blocked` is an action's that its compensation came before: the action never takes effect.
 */
export type BarrierState = "running" | "answered" | "blocked";

/** A row to be made. */
export interface NewBarrierRow {
  readonly key: string;
  /** The RPC, as in its path: "/pb.OrderService/CreateOrder"; "" for a blocked action, which has not been seen. */
  readonly method: string;
  /** SHA-256 of the request's bytes; empty for a blocked action. */
  readonly requestHash: Uint8Array;
  readonly state: "running" | "blocked";
}

/** A row of the barrier's table. */
export interface BarrierRow extends Omit<NewBarrierRow, "state"> {
  readonly state: BarrierState;
  /** Set where the state is `answered`. */
  readonly answer?: Answer | undefined;
}

/** The barrier's table inside one open transaction. */
export interface BarrierRows {
  /**
   * Makes a row, unless its key has one. Where another transaction has made one and not ended yet, waits until it has:
   * this is what orders repeats, and an action and its compensation.
   * @returns whether the row was made
   */
  insert(row: NewBarrierRow): Awaitable<boolean>;
  /** The row of a key: this transaction's own, or a committed one, also where it was committed after this one began. */
  find(key: string): Awaitable<BarrierRow | undefined>;
  /** Gives a row that this transaction made its answer; it is `answered` then. */
  settle(key: string, answer: Answer): Awaitable<void>;
  /** Marks the place that {@link rollBackToSavepoint} goes back to. */
  savepoint(): Awaitable<void>;
  /** Takes back what was written since the savepoint, also where a statement has failed since. */
  rollBackToSavepoint(): Awaitable<void>;
}

/**
 * Work to be done in a transaction, a step at a time: it yields what a step gave, a value or a promise, and is given the
 * value. `runSync` and `runAsync` run it.
 */
export type Work<Result> = Generator<unknown, Result, unknown>;

/**
 * - `again`: nothing was done, and the same work may well succeed at once (a deadlock, a serialization failure)
 * - `unavailable`: the database can't do it now, or may even have done it; the caller is to repeat the call
 * - `failed`: anything else, such as a bug of the handler
 */
export type Fate = "again" | "unavailable" | "failed";

/** How to remove old rows. */
export interface Removal {
  /** Rows that were made longer ago than this are removed, by the database's clock, ms. */
  readonly olderThanMs: number;
  /** The most rows to remove. */
  readonly limit: number;
}

/**
 * A database that holds an upstream's own data, and the barrier's table beside it.
 * @typeParam Tx what handlers write with, inside the transaction
 * @typeParam Sync whether handlers must be synchronous
 */
export interface BarrierDriver<Tx, Sync extends boolean = boolean> {
  readonly sync: Sync;
  /**
   * Runs work in a transaction of its own: commits and gives what it returned, or rolls back and throws what it threw.
   * @throws SagaError SAGA_BARRIER_UNAVAILABLE where the fate of the commit is unknown
   */
  transaction<Result>(work: (tx: Tx, rows: BarrierRows) => Work<Result>): Promise<Result>;
  /** What to make of an error that {@link transaction} threw, and that is neither a refusal nor a SagaError. */
  fateOf(error: unknown): Fate;
  /** Removes one batch of old rows, the oldest first. @returns how many */
  remove(removal: Removal): Promise<number>;
}
