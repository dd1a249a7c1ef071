import { SagaError } from "../../core/errors.js";
import type { Sqlite } from "./open.js";

interface Work {
  /** @throws where it can't be done; the work is then undone alone */
  readonly run: () => void;
  readonly settle: (error?: unknown) => void;
}

/** Runs pieces of work in shared transactions. */
export interface GroupCommit {
  /** Resolves with the work's result once the transaction that holds it is on disk. */
  run<Result>(work: () => Result): Promise<Result>;
  /** Commits what waits. */
  flush(): void;
}

/**
 * Group commit: all work that arrives in one turn of the event loop shares one transaction and one fsync, so that the
 * cost of durability falls as the load grows. On the main thread: a hop to a worker costs more than the commit holds
 * the loop (../shared measurements; see docs/journal.md).
 */
export function createGroupCommit(db: Sqlite): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  let waiting: Work[] = [];
  let scheduled = false;

  function transact(batch: readonly Work[]): void {
    begin.run();
    try {
      for (const work of batch) {
        work.run();
      }
      commit.run();
    } catch (error) {
      undo();
      throw error;
    }
  }

  function undo(): void {
    if (db.inTransaction) {
      rollback.run();
    }
  }

  function flush(): void {
    scheduled = false;
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) {
      return;
    }
    try {
      transact(batch);
    } catch (error) {
      separate(batch, error);
      return;
    }
    for (const work of batch) {
      work.settle();
    }
  }

  /** One piece of work spoiled the transaction: each gets one of its own, so that only the culprit fails. */
  function separate(batch: readonly Work[], error: unknown): void {
    for (const work of batch) {
      try {
        if (batch.length === 1) {
          throw error;
        }
        transact([work]);
      } catch (reason) {
        work.settle(unavailable(reason));
        continue;
      }
      work.settle();
    }
  }

  return {
    run(work) {
      return new Promise((resolve, reject) => {
        let result: { readonly value: ReturnType<typeof work> } | undefined;
        waiting.push({
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
        if (!scheduled) {
          scheduled = true;
          setImmediate(flush);
        }
      });
    },
    flush,
  };
}

function unavailable(error: unknown): SagaError {
  const message = error instanceof Error ? error.message : String(error);
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be written: ${message}`, { cause: error });
}
