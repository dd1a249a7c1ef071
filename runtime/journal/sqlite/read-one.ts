import type { Sqlite } from "./open.js";

/**
 * A prepared query for one row. libsql's `get` does not reset a statement that failed, and all later calls of it would
 * fail with the same error: it is prepared anew.
 */
export function prepareOne(db: Sqlite, sql: string): (...values: unknown[]) => unknown {
  let statement = db.prepare(sql);
  return (...values) => {
    try {
      return statement.get(...values);
    } catch (error) {
      statement = db.prepare(sql);
      throw error;
    }
  };
}
