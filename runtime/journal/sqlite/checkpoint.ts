import { statSync } from "node:fs";
import { execAside } from "./commit.js";
import type { Sqlite } from "./open.js";

/** How much the write-ahead log may grow between two checkpoints, bytes. */
const every = 4 * 1024 * 1024;

/** Past this size the log is emptied between two commits, for which they wait, bytes. */
const largest = 64 * 1024 * 1024;

/** Keeps the write-ahead log from growing without end. */
export interface Checkpointer {
  /** To be called between two commits. Rejects never: what can't be moved now is moved later. */
  betweenCommits(): Promise<void> | undefined;
  /** Resolves once no checkpoint runs. */
  idle(): Promise<void>;
}

/**
 * Moves the log's pages into the file beside the commits, on a connection and a thread of its own. SQLite would do it
 * inside a commit, and every saga would wait for it.
 * @param aside a second connection to the same file
 */
export function createCheckpointer(path: string, db: Sqlite, aside: Sqlite): Checkpointer {
  db.pragma("wal_autocheckpoint = 0");
  let moved = 0;
  let running: Promise<void> | undefined;

  return {
    betweenCommits() {
      const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (size > largest && running === undefined) {
        moved = 0;
        return execAside(db, "PRAGMA wal_checkpoint(TRUNCATE)").catch(() => {});
      }
      if (size > moved + every && running === undefined) {
        moved = size;
        running = execAside(aside, "PRAGMA wal_checkpoint(PASSIVE)")
          .catch(() => {})
          .then(() => {
            running = undefined;
          });
      }
      return undefined;
    },
    idle: async () => running,
  };
}
