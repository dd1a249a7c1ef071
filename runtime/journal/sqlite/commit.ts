import AsyncDatabase from "libsql/promise";
import type { Sqlite } from "./open.js";

const exec: (this: Sqlite, sql: string) => Promise<unknown> = AsyncDatabase.prototype.exec;

/**
 * Runs SQL that gives no rows on a thread of libsql's, so that the event loop goes on while the disk syncs. libsql's two
 * classes wrap the same native connection, and the asynchronous one's `exec` asks no more of it than that: statements
 * cost microseconds and stay on the main thread, what waits for the disk does not.
 */
export async function execAside(db: Sqlite, sql: string): Promise<void> {
  await exec.call(db, sql);
}
