import { type BarrierDriver, type BarrierRow, type BarrierRows, runAsync, type Work } from "./driver.js";

/** What handlers write with. The changes run in order when the transaction commits, or never. */
export interface MemoryTransaction {
  /** @param change must not throw */
  onCommit(change: () => void): void;
}

/** The barrier's table in memory, for tests and simulations. Its rows are lost with the process. */
export interface MemoryDriver extends BarrierDriver<MemoryTransaction, false> {
  /** The committed rows by key. */
  readonly rows: ReadonlyMap<string, BarrierRow>;
  /** Simulates a crash of the process: open transactions are rolled back and never continue. */
  crash(): void;
}

/** Options of the memory driver. */
export interface MemoryDriverOptions {
  /** Awaited before each operation and before the commit, so that a simulation can delay or reorder them. */
  readonly step?: (what: keyof BarrierRows | "begin" | "commit") => Promise<void> | void;
  /** The clock for the age of rows, ms. Default: Date.now. */
  readonly now?: () => number;
}

interface OpenTransaction {
  readonly written: Map<string, BarrierRow>;
  readonly ended: Promise<void>;
  end(): void;
}

/** Creates an empty table. Transactions wait for each other's keys as in PostgreSQL. */
export function memoryDriver({ step = () => {}, now = Date.now }: MemoryDriverOptions = {}): MemoryDriver {
  const rows = new Map<string, BarrierRow>();
  const createdAt = new Map<string, number>();
  const open = new Set<OpenTransaction>();

  function begin(): OpenTransaction {
    let resolve = () => {};
    const ended = new Promise<void>((settle) => {
      resolve = settle;
    });
    const transaction = {
      written: new Map(),
      ended,
      end() {
        open.delete(transaction);
        resolve();
      },
    };
    open.add(transaction);
    return transaction;
  }

  return {
    sync: false,
    rows,
    async transaction<Result>(work: (tx: MemoryTransaction, rows: BarrierRows) => Work<Result>) {
      const transaction = begin();
      const { written } = transaction;
      const changes: (() => void)[] = [];
      let savedChanges = 0;
      const pass: typeof step = async (what) => {
        await step(what);
        if (!open.has(transaction)) {
          await new Promise<never>(() => {}); // The process has crashed.
        }
      };
      const otherHolder = (key: string) => [...open].find((each) => each !== transaction && each.written.has(key));
      const table: BarrierRows = {
        async insert(row) {
          await pass("insert");
          for (let holder = otherHolder(row.key); holder !== undefined; holder = otherHolder(row.key)) {
            await holder.ended;
            await pass("insert");
          }
          const isNew = !rows.has(row.key) && !written.has(row.key);
          if (isNew) {
            written.set(row.key, row);
          }
          return isNew;
        },
        async find(key) {
          await pass("find");
          return written.get(key) ?? rows.get(key);
        },
        async settle(key, answer) {
          await pass("settle");
          const row = written.get(key);
          if (row !== undefined) {
            written.set(key, { ...row, state: "answered", answer });
          }
        },
        async savepoint() {
          await pass("savepoint");
          savedChanges = changes.length;
        },
        async rollBackToSavepoint() {
          await pass("rollBackToSavepoint");
          changes.length = savedChanges;
        },
      };
      try {
        await pass("begin");
        const result = await runAsync(work({ onCommit: (change) => void changes.push(change) }, table));
        await pass("commit");
        for (const [key, row] of written) {
          rows.set(key, row);
          createdAt.set(key, now());
        }
        for (const change of changes) {
          change();
        }
        return result;
      } finally {
        transaction.end();
      }
    },
    fateOf: () => "failed",
    async remove({ olderThanMs, limit }) {
      const old = [...rows.keys()].filter((key) => now() - (createdAt.get(key) ?? 0) > olderThanMs).slice(0, limit);
      for (const key of old) {
        rows.delete(key);
        createdAt.delete(key);
      }
      return old.length;
    },
    crash() {
      for (const transaction of open) {
        transaction.end();
      }
    },
  };
}
