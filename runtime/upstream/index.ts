/**
 * The upstream kit: for services that hold their own SQL transaction, a barrier that makes each call take effect once for
 * its idempotency key, and gives a repeat the same answer. See docs/upstream-kit.md.
 */
export { isSagaError, SagaError, type SagaErrorCode } from "../core/errors.js";
export { Status, type StatusCode, type StatusName } from "../core/status.js";
export { type Annotations, loadedAnnotations, type RpcAnnotations, readAnnotations } from "./annotations.js";
export type { Answer, RefusedAnswer } from "./answer.js";
export {
  type Barrier,
  type BarrierCall,
  type BarrierContext,
  type BarrierEffect,
  type BarrierOptions,
  createBarrier,
} from "./barrier.js";
export type { OnError } from "./guard-method.js";
export { type GuardedService, type GuardOptions, guardService } from "./guard-service.js";
export { actionKeyOf } from "./keys.js";
export { type MemoryDriver, type MemoryDriverOptions, type MemoryTransaction, memoryDriver } from "./memory-driver.js";
export type {
  Awaitable,
  BarrierDriver,
  BarrierRow,
  BarrierRows,
  BarrierState,
  Fate,
  NewBarrierRow,
  Removal,
  Work,
} from "./port.js";
export { type PostgresDriver, type PostgresDriverOptions, postgresDriver } from "./postgres-driver.js";
export type { ClientOf, PostgresClient, PostgresPool, PostgresResult } from "./postgres-pool.js";
export { postgresTable } from "./postgres-sql.js";
export { isRefusal, Refusal, type RefusalOptions } from "./refusal.js";
export { type RemoveOptions, removeBarriers } from "./retention.js";
export type { DoneAction } from "./rule.js";
export type {
  ActionOf,
  EffectContext,
  EffectHandler,
  HandlerOf,
  NamedAction,
  RequestOf,
  ResponseOf,
} from "./service-types.js";
export { type SqliteDatabase, type SqliteStatement, sqliteDriver } from "./sqlite-driver.js";
export { sqliteTable } from "./sqlite-sql.js";
export { runAsync, runSync, wait } from "./work.js";
