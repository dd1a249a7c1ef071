import { isSagaError, SagaError } from "../../core/errors.js";
import type { SharedJournal } from "../../journal/journal.js";
import { type DatabaseBehaviour, waitBefore } from "./database-behaviour.js";
import { never, type Process } from "./process.js";
import type { Scheduler } from "./scheduler.js";
import type { Tables } from "./tables.js";

/** A database that pods share. */
export interface Database {
  readonly tables: Tables;
  /** Opens the journal of a pod: takes its lease, and keeps it. */
  open(process: Process): Promise<SharedJournal>;
  /** Reports a change of a saga that has none to all that watch it. */
  spuriousNotice(sagaId: string): void;
  /** Whether a pod's lease has expired. */
  isExpired(pod: string): boolean;
  /** The process whose request the database is handling while the tables report an entry. */
  readonly writing: Process | undefined;
  /** How many requests are still in flight, those of dead processes included. */
  readonly onTheWay: number;
}

/** Who watches a saga. */
interface Watcher {
  readonly process: Process;
  readonly changed: () => void;
  isClosed(): boolean;
}

/** Who gets what is handed over to a pod. */
interface Receiver {
  readonly process: Process;
  readonly listener: (sagaId: string, topic: string) => void;
}

interface HandOver {
  readonly pod: string;
  readonly sagaId: string;
  readonly topic: string;
}

/** How long a pod that can't reach the database waits before it polls again, ms. */
const pollAgainMs = 100;

/** Makes a database, as PostgreSQL is to its adapter. */
export function createDatabase(scheduler: Scheduler, tables: Tables, behaviour: DatabaseBehaviour = {}): Database {
  const {
    wayMs = () => 0.5,
    fate = () => "ok",
    lateMs = () => 2_000,
    noticeMs = () => 1,
    away = () => false,
    leaseMs = 15_000,
    giveUpAfterMs = 10_000,
    silenceMs = 400,
  } = behaviour;
  /** The time of each pod's last heartbeat. */
  const beats = new Map<string, number>();
  const watchers = new Map<string, Set<Watcher>>();
  const receivers = new Set<Receiver>();
  let handOvers: HandOver[] = [];
  let writing: Process | undefined;
  let requests = 0;
  let notices = 0;
  let onTheWay = 0;

  const isExpired = (pod: string) => (beats.get(pod) ?? Number.NEGATIVE_INFINITY) < scheduler.now() - leaseMs;

  tables.onStored(({ sagaId }) => notify(sagaId));

  function notify(sagaId: string): void {
    for (const watcher of watchers.get(sagaId) ?? []) {
      scheduler.after(noticeMs(`notice/${sagaId}#${++notices}`), () => report(sagaId, watcher));
    }
  }

  function isWatching(sagaId: string, watcher: Watcher): boolean {
    return watcher.process.alive && !watcher.isClosed() && (watchers.get(sagaId)?.has(watcher) ?? false);
  }

  function report(sagaId: string, watcher: Watcher): void {
    if (!isWatching(sagaId, watcher)) {
      return;
    }
    if (away(watcher.process)) {
      scheduler.after(pollAgainMs, () => report(sagaId, watcher));
      return;
    }
    watcher.process.after(0, () => {
      if (isWatching(sagaId, watcher)) {
        watcher.changed();
      }
    });
  }

  function watch(watcher: Watcher, sagaId: string): () => void {
    const all = watchers.get(sagaId) ?? new Set();
    watchers.set(sagaId, all.add(watcher));
    scheduler.after(noticeMs(`watch/${sagaId}#${++notices}`), () => report(sagaId, watcher));
    return () => {
      all.delete(watcher);
      if (all.size === 0 && watchers.get(sagaId) === all) {
        watchers.delete(sagaId);
      }
    };
  }

  /** Has a pod poll what is handed over to it. Rows of a pod that is down stay. */
  function pollHandOvers(pod: string): void {
    scheduler.after(noticeMs(`handover/${pod}#${++notices}`), () => {
      const [receiver] = [...receivers].filter(({ process }) => process.name === pod && process.alive);
      const rows = handOvers.filter((row) => row.pod === pod);
      if (receiver === undefined || rows.length === 0) {
        return;
      }
      if (away(receiver.process)) {
        pollHandOvers(pod);
        return;
      }
      handOvers = handOvers.filter((row) => row.pod !== pod);
      receiver.process.after(0, () => {
        for (const { sagaId, topic } of rows) {
          receiver.listener(sagaId, topic);
        }
      });
    });
  }

  /** Sends a request until it is answered. Work is done once however often it is sent: rows name the call that wrote them. */
  function ask<Result>(
    process: Process,
    port: string,
    about: string,
    work: () => Result,
    tryAgain = true,
  ): Promise<Result> {
    if (!process.cross(port, "before", about)) {
      return never();
    }
    const name = `${port}/${about}#${++requests}`;
    const sinceMs = scheduler.now();
    let earlier: { readonly result: Result } | undefined;
    const once = (): Result => {
      if (earlier === undefined) {
        writing = process;
        try {
          earlier = { result: work() };
        } finally {
          writing = undefined;
        }
      }
      return earlier.result;
    };
    return new Promise((resolve, reject) => {
      function attempt(nth: number): void {
        const site = `${name}.${nth}`;
        let over = false;
        const settle = (act: () => void) => {
          if (!over) {
            over = true;
            act();
          }
        };
        const fail = () =>
          settle(() => {
            const waitMs = waitBefore(nth + 1);
            if (!tryAgain || scheduler.now() + waitMs - sinceMs > giveUpAfterMs) {
              reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal can't be reached: no answer"));
            } else {
              process.after(waitMs, () => attempt(nth + 1));
            }
          });
        if (away(process)) {
          process.after(silenceMs, fail);
          return;
        }
        const what = fate(site);
        if (what !== "ok") {
          process.after(silenceMs, fail);
        }
        if (what === "request-lost") {
          return;
        }
        onTheWay++;
        scheduler.after(what === "late" ? lateMs(site) : wayMs(site), () => {
          onTheWay--;
          let answer: () => void;
          try {
            const result = once();
            answer = () => resolve(result);
          } catch (error) {
            answer = () => reject(isSagaError(error) ? error : new Error("a request failed", { cause: error }));
          }
          if (what !== "ok") {
            return;
          }
          scheduler.after(wayMs(`${site}/answer`), () => {
            process.after(0, () => (away(process) ? fail() : process.cross(port, "after", about) && settle(answer)));
          });
        });
      }
      attempt(1);
    });
  }

  async function open(process: Process): Promise<SharedJournal> {
    const pod = process.name;
    let closed = false;
    const whileOpen = <Result>(work: () => Promise<Result>): Promise<Result> =>
      closed ? Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed")) : track(work());
    const underWay = new Set<Promise<unknown>>();
    function track<Result>(work: Promise<Result>): Promise<Result> {
      const forget = () => void underWay.delete(work);
      underWay.add(work);
      work.then(forget, forget);
      return work;
    }
    const read = <Result>(port: string, about: string, query: () => Result, tryAgain = true) =>
      whileOpen(() => ask(process, port, about, query, tryAgain));
    const behind = new Map<string, Promise<unknown>>();

    /** Entries of one saga are written one after the other. */
    function write<Result>(port: string, sagaId: string, work: () => Result): Promise<Result> {
      const before = behind.get(sagaId);
      const run = () => ask(process, port, sagaId, work);
      const written = whileOpen(() => (before === undefined ? run() : before.then(run, run)));
      behind.set(sagaId, written);
      const forget = () => {
        if (behind.get(sagaId) === written) {
          behind.delete(sagaId);
        }
      };
      written.then(forget, forget);
      return written;
    }

    function beat(): void {
      process.after(leaseMs / 3, () => {
        if (!closed) {
          ask(process, "journal.beat", pod, () => void beats.set(pod, scheduler.now()), false).then(beat, beat);
        }
      });
    }

    // A process with this pod id may have been killed a moment ago, or may still run: another heartbeat would show it.
    if (await read("journal.lease", pod, () => !isExpired(pod))) {
      await new Promise<void>((resolve) => process.after(leaseMs * 0.45, resolve));
    }
    await read("journal.lease", pod, () => beats.set(pod, scheduler.now()));
    beat();
    return {
      create: (entry) => write("journal.create", entry.sagaId, () => tables.create(entry, pod)),
      append: (entry) => write("journal.append", entry.sagaId, () => tables.append(entry, pod)),
      load: (sagaId) => read("journal.load", sagaId, () => tables.load(sagaId, pod)),
      loadMany: (ids) => read("journal.load", ids.join(), () => ids.flatMap((id) => tables.load(id, pod) ?? [])),
      removeEnded: (keepMs, limit) => write("journal.removeEnded", "", () => tables.removeEnded(keepMs, limit)),
      list: (phase) => read("journal.list", phase, () => tables.list(phase, phase === "open" ? pod : undefined)),
      countOpen: (facade) => read("journal.countOpen", facade, () => tables.countOpen(facade)),
      inFlight: () => read("journal.inFlight", pod, () => tables.inFlight()),
      release: (fingerprints) =>
        read(
          "journal.release",
          pod,
          () => {
            for (const row of tables.sagas.values()) {
              if (row.phase === "open" && row.owner === pod && !fingerprints.includes(row.fingerprint)) {
                row.owner = "";
              }
            }
          },
          false,
        ),
      handOver: (sagaId, topic) =>
        read(
          "journal.handOver",
          sagaId,
          () => {
            const { phase, owner = "" } = tables.sagas.get(sagaId) ?? {};
            const known = handOvers.some((row) => row.pod === owner && row.sagaId === sagaId && row.topic === topic);
            if (phase === "open" && owner !== "" && !known) {
              handOvers.push({ pod: owner, sagaId, topic });
              pollHandOvers(owner);
            }
          },
          false,
        ),
      onHandOver(listener) {
        const receiver = { process, listener };
        receivers.add(receiver);
        pollHandOvers(pod);
        return () => receivers.delete(receiver);
      },
      watch: (sagaId, changed) => watch({ process, changed, isClosed: () => closed }, sagaId),
      shared: true,
      clockMs: () => Math.floor(process.clock.now() - process.skewMs),
      leaseMs,
      takeOver: (fingerprints, limit) =>
        read(
          "journal.takeOver",
          pod,
          () => {
            const left = [...tables.sagas.values()].filter(
              (row) => row.phase === "open" && fingerprints.includes(row.fingerprint) && isExpired(row.owner),
            );
            const sagaIds = left.slice(0, limit).map((row) => {
              row.owner = pod;
              return row.sagaId;
            });
            let messages = 0;
            for (const row of tables.messages.values()) {
              if (row.deadReason === undefined && isExpired(row.owner)) {
                row.owner = pod;
                messages++;
              }
            }
            handOvers = handOvers.filter((row) => !isExpired(row.pod));
            return { sagaIds, messages };
          },
          false,
        ),
      listIdle: (idleMs, limit, after) =>
        read("journal.listIdle", pod, () => tables.listIdle(idleMs, limit, after, pod), false),
      messages: {
        pending: () => read("journal.pending", pod, () => tables.pending(pod)),
        remove: (ids) => read("journal.remove", ids.join(), () => tables.remove(ids)),
        addDeadLetter: (message, reason) =>
          read("journal.addDeadLetter", message.key, () => tables.addDeadLetter(message, reason, pod)),
        deadLetters: (topic) => read("journal.deadLetters", topic, () => tables.deadLetters(topic)),
      },
      async close() {
        if (closed) {
          return;
        }
        closed = true;
        await Promise.allSettled(underWay);
        await ask(process, "journal.release", pod, () => beats.delete(pod), false).catch(() => {});
      },
    };
  }

  return {
    tables,
    open,
    isExpired,
    spuriousNotice: notify,
    get writing() {
      return writing;
    },
    get onTheWay() {
      return onTheWay;
    },
  };
}
