import { isSagaError, SagaError } from "../../core/errors.js";
import type { Journal } from "../../journal/journal.js";
import { never, type Process } from "./process.js";
import type { Tables } from "./tables.js";

/** The outcome of a commit. "lost": it failed, and nothing is stored. "zombie": it failed, but may be there after a crash. */
export type CommitFate = "stored" | "lost" | "zombie";

/** How the disk under a journal behaves. */
export interface DiskBehaviour {
  /** How long a commit takes, ms. Default: 0.2 */
  readonly commitMs?: (nth: number) => number;
  /** Default: all are stored. */
  readonly commitFate?: (nth: number) => CommitFate;
  /** Whether a read, by its number, fails. Default: never */
  readonly unreadable?: (nth: number) => boolean;
  /** Whether, after a crash, a zombie is found to have been written. Default: it is */
  readonly zombieRises?: (nth: number) => boolean;
}

/** The disk of a journal that one process uses alone. */
export interface Disk {
  readonly tables: Tables;
  readonly behaviour: DiskBehaviour;
  /** The writes of a commit that failed and may come back: until the next one writes over them, or the process ends. */
  zombie: (() => void) | undefined;
  commits: number;
  reads: number;
}

/** Makes a disk. */
export function createDisk(tables: Tables, behaviour: DiskBehaviour = {}): Disk {
  return { tables, behaviour, zombie: undefined, commits: 0, reads: 0 };
}

interface Write {
  readonly port: string;
  readonly about: string;
  /** Changes the tables; @throws where this write, alone, can't be */
  apply(): unknown;
  resolve(result: never): void;
  reject(error: unknown): void;
}

/**
 * The journal that one process has to itself, as the SQLite adapter is: group commit in the order of arrival, reads that
 * see what is on disk. What a dead process had not committed is lost; what it had committed is there, reported or not.
 */
export function openOwnJournal(disk: Disk, process: Process): Journal {
  const { tables, behaviour } = disk;
  const { commitMs = () => 0.2, commitFate = () => "stored", unreadable = () => false } = behaviour;
  let waiting: Write[] = [];
  let busy = false;
  let closed = false;
  const onDrained: (() => void)[] = [];
  if (disk.zombie !== undefined && (behaviour.zombieRises?.(disk.commits) ?? true)) {
    disk.zombie();
  }
  disk.zombie = undefined;

  function commitAll(): void {
    const batch = waiting;
    waiting = [];
    const nth = ++disk.commits;
    process.after(commitMs(nth), () => {
      const fate = commitFate(nth);
      if (fate === "stored") {
        disk.zombie = undefined; // Written over.
        settle(
          batch.map((write) => () => write.apply()),
          batch,
        );
      } else {
        if (fate === "zombie") {
          disk.zombie = () => {
            for (const write of batch) {
              quietly(() => write.apply());
            }
          };
        }
        const failed = () => {
          throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be written: the disk said no (${fate})`);
        };
        settle(
          batch.map(() => failed),
          batch,
        );
      }
    });
  }

  /** Does the work of a commit, and reports it in another turn: between the two the process may die. */
  function settle(works: readonly (() => unknown)[], batch: readonly Write[]): void {
    const told = works.map((work, at) => {
      const write = batch[at] as Write;
      try {
        const result = work();
        return () => write.resolve(result as never);
      } catch (error) {
        return () => write.reject(isSagaError(error) ? error : unavailable(error));
      }
    });
    for (const { port, about } of batch) {
      if (!process.cross(port, "after", about)) {
        return;
      }
    }
    process.after(0, () => {
      for (const tell of told) {
        tell();
      }
      if (waiting.length > 0) {
        commitAll();
        return;
      }
      busy = false;
      for (const drained of onDrained.splice(0)) {
        drained();
      }
    });
  }

  function write<Result>(port: string, about: string, apply: () => Result): Promise<Result> {
    if (!process.cross(port, "before", about)) {
      return never();
    }
    if (closed) {
      return Promise.reject(closedError());
    }
    return new Promise<Result>((resolve, reject) => {
      waiting.push({ port, about, apply, resolve: resolve as Write["resolve"], reject });
      if (!busy) {
        busy = true;
        process.after(0, commitAll);
      }
    });
  }

  /** SQLite reads on the thread, so the answer comes at once. */
  function read<Result>(port: string, about: string, query: () => Result): Promise<Result> {
    if (!process.cross(port, "before", about)) {
      return never();
    }
    if (closed) {
      return Promise.reject(closedError());
    }
    if (unreadable(++disk.reads)) {
      return Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal can't be read: the disk said no"));
    }
    return Promise.resolve(query());
  }

  return {
    create: (entry) => write("journal.create", entry.sagaId, () => tables.create(entry, process.name)),
    append: (entry) => write("journal.append", entry.sagaId, () => tables.append(entry, process.name)),
    load: (sagaId) => read("journal.load", sagaId, () => tables.load(sagaId)),
    loadMany: (ids) => read("journal.load", ids.join(), () => ids.flatMap((id) => tables.load(id) ?? [])),
    removeEnded: (keepMs, limit) => write("journal.removeEnded", "", () => tables.removeEnded(keepMs, limit)),
    list: (phase) => read("journal.list", phase, () => tables.list(phase)),
    countOpen: (facade) => read("journal.countOpen", facade, () => tables.countOpen(facade)),
    inFlight: () => read("journal.inFlight", "", () => tables.inFlight()),
    listIdle: (idleMs, limit, after) => read("journal.listIdle", "", () => tables.listIdle(idleMs, limit, after)),
    shared: false,
    messages: {
      pending: () => read("journal.pending", "", () => tables.pending()),
      remove: (ids) => write("journal.remove", ids.join(), () => tables.remove(ids)),
      addDeadLetter: (message, reason) =>
        write("journal.addDeadLetter", message.key, () => tables.addDeadLetter(message, reason, process.name)),
      deadLetters: (topic) => read("journal.deadLetters", topic, () => tables.deadLetters(topic)),
    },
    async close() {
      closed = true;
      if (busy) {
        await new Promise<void>((resolve) => onDrained.push(resolve));
      }
    },
  };
}

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // The entry is there already, or its saga is not: then the write changes nothing.
  }
}

function closedError(): SagaError {
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
}

function unavailable(cause: unknown): SagaError {
  return new SagaError("SAGA_JOURNAL_UNAVAILABLE", `the journal can't be written: ${String(cause)}`, { cause });
}
