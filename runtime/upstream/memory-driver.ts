import type { BarrierDriver, BarrierRow, BarrierRows, Work } from "./port.js";
import { runAsync } from "./work.js";

/** What handlers write with: their changes are made when the transaction commits, in order, or never. */
export interface MemoryTransaction {
  /** @param change must not throw */
  onCommit(change: () => void): void;
}

/** The barrier's table in memory, for tests and simulations: it forgets everything with its process. */
export interface MemoryDriver extends BarrierDriver<MemoryTransaction, false> {
  /** The committed rows by key. */
  readonly rows: ReadonlyMap<string, BarrierRow>;
  /** As if the process had died: open transactions are rolled back, and what ran in them never goes on. */
  crash(): void;
}

/** How the memory driver works. */
export interface MemoryDriverOptions {
  /** Awaited before each step and before the commit: a simulation lets time pass, or others come first. */
  readonly step?: (what: keyof BarrierRows | "begin" | "commit") => Promise<void> | void;
  /** The clock by which rows grow old, ms. Default: Date.now. */
  readonly now?: () => number;
}

interface Transaction {
  readonly written: Map<string, BarrierRow>;
  changes: (() => void)[];
  savedChanges: number;
  alive: boolean;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  end(): void;
}

/** Makes an empty table. Transactions wait for each other's keys as they do in PostgreSQL. */
export function memoryDriver({ step = () => {}, now = Date.now }: MemoryDriverOptions = {}): MemoryDriver {
  const rows = new Map<string, BarrierRow>();
  const madeAt = new Map<string, number>();
  const open = new Set<Transaction>();

  /** Lets time pass; a transaction of a crashed process gets no further. */
  async function pass(transaction: Transaction, what: keyof BarrierRows | "begin" | "commit"): Promise<void> {
    await step(what);
    if (!transaction.alive) {
      await new Promise<never>(() => {});
    }
  }

  function rowsOf(transaction: Transaction): BarrierRows {
    return {
      async insert(row) {
        await pass(transaction, "insert");
        for (
          let holder = holderOf(row.key);
          holder !== undefined && holder !== transaction;
          holder = holderOf(row.key)
        ) {
          await holder.ended;
          await pass(transaction, "insert");
        }
        if (rows.has(row.key) || transaction.written.has(row.key)) {
          return false;
        }
        transaction.written.set(row.key, row);
        return true;
      },
      async find(key) {
        await pass(transaction, "find");
        return transaction.written.get(key) ?? rows.get(key);
      },
      async settle(key, answer) {
        await pass(transaction, "settle");
        const row = transaction.written.get(key);
        if (row !== undefined) {
          transaction.written.set(key, { ...row, state: "answered", answer });
        }
      },
      async savepoint() {
        await pass(transaction, "savepoint");
        transaction.savedChanges = transaction.changes.length;
      },
      async rollBackToSavepoint() {
        await pass(transaction, "rollBackToSavepoint");
        transaction.changes.length = transaction.savedChanges;
      },
    };
  }

  function holderOf(key: string): Transaction | undefined {
    return [...open].find(({ written }) => written.has(key));
  }

  function end(transaction: Transaction): void {
    open.delete(transaction);
    transaction.end();
  }

  return {
    sync: false,
    rows,
    async transaction<Result>(work: (tx: MemoryTransaction, rows: BarrierRows) => Work<Result>) {
      const transaction = createTransaction();
      open.add(transaction);
      try {
        await pass(transaction, "begin");
        const tx = { onCommit: (change: () => void) => void transaction.changes.push(change) };
        const result = await runAsync(work(tx, rowsOf(transaction)));
        await pass(transaction, "commit");
        for (const [key, row] of transaction.written) {
          rows.set(key, row);
          madeAt.set(key, now());
        }
        for (const change of transaction.changes) {
          change();
        }
        return result;
      } finally {
        end(transaction);
      }
    },
    fateOf: () => "failed",
    async remove({ olderThanMs, limit }) {
      const old = [...rows.keys()].filter((key) => now() - (madeAt.get(key) ?? 0) > olderThanMs).slice(0, limit);
      for (const key of old) {
        rows.delete(key);
        madeAt.delete(key);
      }
      return old.length;
    },
    crash() {
      for (const transaction of [...open]) {
        transaction.alive = false;
        end(transaction);
      }
    },
  };
}

function createTransaction(): Transaction {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { written: new Map(), changes: [], savedChanges: 0, alive: true, ended, end };
}
