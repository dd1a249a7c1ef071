/**
 * The upstream kit, for services that keep their data in SQL: a barrier that lets each call take effect once for its
 * idempotency key and returns the same answer to a repeat. See docs/how-to/guard-an-upstream.md.
 */
export { Status, type StatusCode, type StatusName } from "../core/status.js";
export * from "./annotations.js";
export * from "./barrier.js";
export * from "./driver.js";
export * from "./guard.js";
export * from "./memory-driver.js";
export {
  type ClientOf,
  type PostgresClient,
  type PostgresDriver,
  type PostgresDriverOptions,
  type PostgresPool,
  type PostgresResult,
  postgresDriver,
  postgresTable,
} from "./postgres-driver.js";
export { actionKeyOf, type BarrierCall, type DoneAction } from "./rule.js";
export * from "./service-types.js";
export * from "./sqlite-driver.js";
