import { setTimeout as sleep } from "node:timers/promises";
import AsyncDatabase from "libsql/promise";
import type { SagaError } from "../../core/errors.js";
import { Batcher } from "../batcher.js";
import { failure, logSize, type Sqlite, type Statement } from "./file.js";

interface Work {
  /**
   * @returns the result, or the error that the caller gets if nothing was changed; throws if the work must be rolled
   * back
   */
  readonly run: () => unknown;
  /** About how much it writes, in pages of the database. */
  readonly pages: number;
}

/** How often, and how long after one another, a transaction that finds the file locked is begun again. */
const busyAttempts = 50;
const busyWaitMs = 20;

/**
 * After how many pages, estimated, the write-ahead log is moved into the file: some 10 MiB. Most entries write pages
 * that others write too: the more are moved at once, the less often each is written and the disk synced.
 */
const maxPages = 4_000;
/** What a transaction writes at least: the leaves of the tables and indexes that an entry changes. */
const pagesPerCommit = 3;
/**
 * The log's file is cut if it has become larger than this, bytes; otherwise it is reused: a file that grows is slower.
 */
const maxLogBytes = 32 * 1024 * 1024;

/**
 * A commit on the main thread that takes longer than this, ms, shows a slow disk: the next so many commits, twice as
 * many each time, then run in threads.
 */
const slowMs = 2;
const threadCommits = { first: 16, most: 1_024 } as const;

const exec: (this: Sqlite, sql: string) => Promise<unknown> = AsyncDatabase.prototype.exec;

/**
 * Runs SQL without rows in a thread of libsql, so that the event loop goes on while the disk syncs. Both classes of
 * libsql wrap the same native connection, and the asynchronous `exec` needs nothing else of it.
 */
async function execInThread(db: Sqlite, sql: string): Promise<void> {
  await exec.call(db, sql);
}

/**
 * Writes to the journal's file in shared transactions (group commit), and moves its write-ahead log into the file. Both
 * the commits and the moves run in threads, except for a single entry on a quick disk: handing it over would take
 * longer.
 */
export class SqliteWriter {
  readonly #path: string;
  readonly #db: Sqlite;
  /** A separate connection for moving the log: SQLite would do it inside a commit, and every saga would wait. */
  readonly #checkpointer: Sqlite;
  readonly #begin: Statement;
  readonly #batcher: Batcher<Work, unknown>;
  /** How many more commits run in threads even if they have a single entry, and how many after the next slow one. */
  #inThreads = 0;
  #inThreadsNext: number = threadCommits.first;
  /** How many pages were written since the log was last moved. */
  #pages = 0;
  #moving: Promise<void> | undefined;
  /** The log was moved, and can be restarted between two commits. */
  #moved = false;
  #moveFailed = false;

  constructor(path: string, db: Sqlite, checkpointer: Sqlite) {
    this.#path = path;
    this.#db = db;
    this.#checkpointer = checkpointer;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#batcher = new Batcher({
      lanes: 1,
      bytesOf: ({ pages }) => pages * pageBytes,
      commit: (batch) => this.#commit(batch),
      isItemError: (error) => !isFileError(error),
      failure: (error) => failure("written", path, error),
    });
  }

  /**
   * Runs work in a transaction, which it may share. Resolves once the work is on disk.
   * @param work returns an error if it is refused and has changed nothing; if it throws, it alone is rolled back
   * @param rows about how many rows it writes
   * @param bytes about how long they are
   */
  run<Result>(work: () => Result | SagaError, rows = 1, bytes = 0): Promise<Result> {
    return this.#batcher.run({ run: work, pages: rows + bytes / pageBytes }) as Promise<Result>;
  }

  /** Waits for all work, and empties the log as far as possible. */
  async close(): Promise<void> {
    await this.#batcher.drained();
    await this.#moving;
    await this.#checkpoint(this.#db, "TRUNCATE");
  }

  async #commit(batch: readonly Work[]): Promise<readonly unknown[]> {
    await this.#tendLog();
    await this.#beginTransaction();
    try {
      const results = batch.map(({ run }) => run());
      await this.#endTransaction(batch.length === 1);
      this.#pages += batch.reduce((sum, { pages }) => sum + pages, pagesPerCommit);
      return results;
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  /** Another program that writes to the file, such as a backup, is waited for. */
  async #beginTransaction(): Promise<void> {
    await this.#rollBack(); // A failing disk may have prevented that after the last one.
    for (let attempt = 1; ; attempt++) {
      try {
        this.#begin.run();
        return;
      } catch (error) {
        if (attempt === busyAttempts || !String(error).includes("locked")) {
          throw error;
        }
        await sleep(busyWaitMs);
      }
    }
  }

  async #endTransaction(isSingle: boolean): Promise<void> {
    if (!isSingle || this.#inThreads > 0) {
      this.#inThreads = Math.max(0, this.#inThreads - 1);
      await execInThread(this.#db, "COMMIT");
      return;
    }
    const began = performance.now();
    this.#db.exec("COMMIT");
    if (performance.now() - began > slowMs) {
      this.#inThreads = this.#inThreadsNext;
      this.#inThreadsNext = Math.min(this.#inThreadsNext * 2, threadCommits.most);
    } else {
      this.#inThreadsNext = threadCommits.first;
    }
  }

  async #rollBack(): Promise<void> {
    if (this.#db.inTransaction) {
      await execInThread(this.#db, "ROLLBACK").catch(() => {}); // Tried again before the next transaction.
    }
  }

  /**
   * Starts to move the log, while commits go on, once it is long. What is committed meanwhile is little: moving that
   * between two commits lets SQLite write to the beginning of the log again.
   */
  async #tendLog(): Promise<void> {
    if (this.#moved) {
      this.#moved = false;
      await this.#checkpoint(this.#db, logSize(this.#path) > maxLogBytes ? "TRUNCATE" : "RESTART");
    } else if (this.#moving === undefined && this.#pages > maxPages) {
      this.#pages = 0;
      this.#moving = this.#checkpoint(this.#checkpointer, "PASSIVE").then(() => {
        this.#moving = undefined;
        this.#moved = true;
      });
    }
  }

  /** Never rejects: what can't be moved now, as on a full disk, stays in the log, and is moved the next time. */
  async #checkpoint(connection: Sqlite, mode: "PASSIVE" | "RESTART" | "TRUNCATE"): Promise<void> {
    try {
      await execInThread(connection, `PRAGMA wal_checkpoint(${mode})`);
      this.#moveFailed = false;
    } catch (error) {
      if (!this.#moveFailed) {
        this.#moveFailed = true;
        const why = error instanceof Error ? error.message : String(error);
        process.emitWarning(
          `the journal's write-ahead log grows: it can't be moved into ${this.#path} now and will be tried again: ${why}`,
        );
      }
    }
  }
}

const pageBytes = 4_096;

/** Errors of the file, its disk or its locks: no item of a batch is their reason. */
const fileErrors = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|PROTOCOL|NOMEM|PERM|AUTH)/;

function isFileError(error: unknown): boolean {
  return error instanceof Error && "code" in error && fileErrors.test(String(error.code));
}
