import AsyncDatabase from "libsql/promise";
import type { Sqlite } from "./open.js";

const exec: (this: Sqlite, sql: string) => Promise<unknown> = AsyncDatabase.prototype.exec;

/**
 * Ends the open transaction on a thread of libsql's, so that the event loop goes on while the disk syncs. libsql's two
 * classes wrap the same native connection, and the asynchronous one's `exec` asks no more of it than that: statements
 * cost microseconds and stay on the main thread, the one that waits for the disk does not.
 * @param how COMMIT or ROLLBACK
 */
export async function endTransaction(db: Sqlite, how: "COMMIT" | "ROLLBACK"): Promise<void> {
  await exec.call(db, how);
}
