import { statSync } from "node:fs";
import { execAside } from "./commit.js";
import type { Sqlite } from "./open.js";

/**
 * How many pages, reckoned, the write-ahead log grows by before it is moved into the file: some 10 MiB. Most entries write
 * pages that others write, too: the more are moved at once, the fewer times each is, and the less often the disk syncs.
 */
const mostPages = 4_000;

/** How much the log's file may grow where pages are reckoned too low, as for large requests; from where it is cut, bytes. */
const mostGrowth = 4 * 1024 * 1024;
const largestKept = 32 * 1024 * 1024;

/** What a transaction writes at least: the roots and leaves of the tables that an entry touches. */
const pagesOfCommit = 3;

/** Keeps the write-ahead log from growing without end. */
export interface Checkpointer {
  /**
   * To be called between two commits; what it returns is to be waited for. Never rejects.
   * @param rows how many rows the commit before wrote
   */
  betweenCommits(rows: number): Promise<void> | undefined;
  /** Empties the log as far as that can be done: for a journal that is about to close. Never rejects. */
  finish(): Promise<void>;
}

/**
 * Moves the log's pages into the file beside the commits, on a connection and a thread of its own: SQLite would do it
 * inside a commit, and every saga would wait for it. What was committed meanwhile is little; moving that between two
 * commits lets the log begin anew, in the same file: one that is cut and grows again costs the disk more for each commit.
 * @param aside a second connection to the same file
 */
export function createCheckpointer(path: string, db: Sqlite, aside: Sqlite): Checkpointer {
  db.pragma("wal_autocheckpoint = 0");
  let running: Promise<void> | undefined;
  let moved = false;
  let pages = 0;
  let sizeBefore = 0;
  const size = () => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;

  let told = false;

  // What can't be moved now, on a full disk say, stays in the log, from where it is read and moved the next time.
  async function move(connection: Sqlite, how: "PASSIVE" | "RESTART" | "TRUNCATE"): Promise<void> {
    try {
      await execAside(connection, `PRAGMA wal_checkpoint(${how})`);
      told = false;
    } catch (error) {
      if (!told) {
        told = true;
        const why = error instanceof Error ? error.message : String(error);
        process.emitWarning(`the journal's write-ahead log grows, it can't be moved into ${path} now: ${why}`);
      }
    }
  }

  return {
    betweenCommits(rows) {
      pages += pagesOfCommit + rows;
      if (moved) {
        moved = false;
        const cut = size() > largestKept;
        sizeBefore = cut ? 0 : size();
        return move(db, cut ? "TRUNCATE" : "RESTART");
      }
      if (running === undefined && (pages > mostPages || size() > Math.max(sizeBefore, mostGrowth) + mostGrowth)) {
        pages = 0;
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
