import { statSync } from "node:fs";
import { execAside } from "./commit.js";
import type { Sqlite } from "./open.js";

/** How large the write-ahead log grows before it is moved into the file, bytes. */
const largest = 4 * 1024 * 1024;

/** Keeps the write-ahead log from growing without end. */
export interface Checkpointer {
  /** To be called between two commits; what it returns is to be waited for. Never rejects. */
  betweenCommits(): Promise<void> | undefined;
  /** Empties the log as far as that can be done: for a journal that is about to close. Never rejects. */
  finish(): Promise<void>;
}

/**
 * Moves the log's pages into the file beside the commits, on a connection and a thread of its own: SQLite would do it
 * inside a commit, and every saga would wait for it. What was committed meanwhile is little; moving that between two
 * commits lets the log begin anew.
 * @param aside a second connection to the same file
 */
export function createCheckpointer(path: string, db: Sqlite, aside: Sqlite): Checkpointer {
  db.pragma("wal_autocheckpoint = 0");
  let running: Promise<void> | undefined;
  let moved = false;

  // What can't be moved now, on a full disk say, stays in the log, from where it is read and moved the next time.
  async function move(connection: Sqlite, how: "PASSIVE" | "TRUNCATE"): Promise<void> {
    try {
      await execAside(connection, `PRAGMA wal_checkpoint(${how})`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      process.emitWarning(`the journal's write-ahead log grows, it can't be moved into ${path} now: ${why}`);
    }
  }

  return {
    betweenCommits() {
      if (moved) {
        moved = false;
        return move(db, "TRUNCATE");
      }
      const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (size > largest && running === undefined) {
        running = move(aside, "PASSIVE").then(() => {
          running = undefined;
          moved = true;
        });
      }
      return undefined;
    },
    async finish() {
      await running;
      await move(db, "TRUNCATE");
    },
  };
}
