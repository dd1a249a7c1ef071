import type { SagaError } from "../../core/errors.js";
import type { Checkpointer } from "./checkpoint.js";
import { execAside } from "./commit.js";
import type { Sqlite } from "./open.js";

interface Work {
  /** @throws where it can't be done; the work is then undone alone */
  readonly run: () => void;
  readonly settle: (error?: unknown) => void;
  readonly rows: number;
}

/** How often, and how long after one another, a transaction that finds the file locked is begun again. */
const busyAttempts = 50;
const busyWaitMs = 20;

/** Runs pieces of work in shared transactions. */
export interface GroupCommit {
  /**
   * Resolves with the work's result once the transaction that holds it is on disk.
   * @param rows how many rows, reckoned, it writes. Default: 1
   */
  run<Result>(work: () => Result, rows?: number): Promise<Result>;
  /** Resolves once nothing waits any more. */
  drained(): Promise<void>;
}

/**
 * Group commit: work that arrives in one turn of the event loop, or while a transaction is on its way to the disk,
 * shares the next transaction and its fsync, so that the cost of durability falls as the load grows.
 * @param failure what work is refused with
 */
export function createGroupCommit(
  db: Sqlite,
  checkpointer: Checkpointer,
  failure: (error: unknown) => SagaError,
): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  let waiting: Work[] = [];
  let busy = false;
  let onDrained: (() => void)[] = [];

  async function transact(batch: readonly Work[]): Promise<void> {
    try {
      await beginTransaction();
      for (const work of batch) {
        work.run();
      }
      await execAside(db, "COMMIT");
    } catch (error) {
      if (db.inTransaction) {
        await execAside(db, "ROLLBACK");
      }
      throw error;
    }
  }

  /** Another program that writes the file, such as a backup, is waited for a little. */
  async function beginTransaction(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        begin.run();
        return;
      } catch (error) {
        if (attempt === busyAttempts || !String(error).includes("locked")) {
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, busyWaitMs));
      }
    }
  }

  async function commit(batch: readonly Work[]): Promise<void> {
    try {
      await transact(batch);
    } catch (error) {
      await separate(batch, error);
      return;
    }
    for (const work of batch) {
      work.settle();
    }
    await checkpointer.betweenCommits(batch.reduce((rows, work) => rows + work.rows, 0));
  }

  /** One piece of work spoiled the transaction: each gets one of its own, so that only the culprit fails. */
  async function separate(batch: readonly Work[], error: unknown): Promise<void> {
    for (const work of batch) {
      try {
        if (batch.length === 1) {
          throw error;
        }
        await transact([work]);
      } catch (reason) {
        work.settle(failure(reason));
        continue;
      }
      work.settle();
    }
  }

  function commitAll(): void {
    const batch = waiting;
    waiting = [];
    commit(batch).then(next, (error) => {
      // Only a settling that throws, a bug, comes here; whoever waits for the rest must not wait for ever.
      for (const work of batch) {
        work.settle(failure(error));
      }
      next();
    });
  }

  function next(): void {
    if (waiting.length > 0) {
      setImmediate(commitAll);
      return;
    }
    busy = false;
    for (const resolve of onDrained.splice(0)) {
      resolve();
    }
  }

  return {
    run(work, rows = 1) {
      return new Promise((resolve, reject) => {
        let result: { readonly value: ReturnType<typeof work> } | undefined;
        waiting.push({
          rows,
          run: () => {
            result = { value: work() };
          },
          settle: (error) => {
            if (error === undefined && result !== undefined) {
              resolve(result.value);
            } else {
              reject(error);
            }
          },
        });
        if (!busy) {
          busy = true;
          setImmediate(commitAll);
        }
      });
    },
    drained() {
      return new Promise((resolve) => {
        onDrained = [...onDrained, resolve];
        if (!busy) {
          next();
        }
      });
    },
  };
}
