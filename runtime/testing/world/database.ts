import { isSagaError, SagaError } from "../../core/errors.js";
import type { Journal } from "../../journal/journal.js";
import { type DatabaseBehaviour, type Listener, waitBefore } from "./database-behaviour.js";
import { never, type Process } from "./process.js";
import type { Scheduler } from "./scheduler.js";
import type { Tables } from "./tables.js";

/** A database that pods share. */
export interface Database {
  readonly tables: Tables;
  /** Opens the journal of a pod: takes its lease, and keeps it. */
  open(process: Process): Promise<Journal>;
  /** Gives notice of a saga that has not moved. */
  spuriousNotice(sagaId: string): void;
  /** Whether a pod's lease has run out. */
  isExpired(pod: string): boolean;
  /** The process whose request the database works on, as the tables tell of entries. */
  readonly writing: Process | undefined;
  /** How many requests are still to arrive, of the dead, too. */
  readonly onTheWay: number;
}

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
  /** When each pod last said that it lives. */
  const beats = new Map<string, number>();
  const listeners: (Listener & { readonly heeds: () => Iterable<string> })[] = [];
  const receivers: Listener<[sagaId: string, topic: string]>[] = [];
  let writing: Process | undefined;
  let requests = 0;
  let notices = 0;
  let onTheWay = 0;

  const isExpired = (pod: string) => (beats.get(pod) ?? Number.NEGATIVE_INFINITY) < scheduler.now() - leaseMs;

  tables.onStored(({ sagaId }) => {
    const writer = writing;
    if (writer !== undefined) {
      notify(sagaId, (listener) => listener.process !== writer);
    }
  });

  function notify(sagaId: string, wants: (listener: Listener) => boolean): void {
    for (const listener of listeners.filter(wants)) {
      const deliver = (missed: boolean) => {
        if (away(listener.process)) {
          // What was missed, and is heeded, is looked up once the connection is back.
          scheduler.after(500, () => deliver(true));
          return;
        }
        listener.process.after(0, () => {
          if (!missed || [...listener.heeds()].includes(sagaId)) {
            listener.tell(sagaId);
          }
        });
      };
      scheduler.after(noticeMs(`notice/${sagaId}#${++notices}`), () => deliver(false));
    }
  }

  /** Sends a request until it is answered. Work that was done is not done again: rows say by which call they were written. */
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

  async function open(process: Process): Promise<Journal> {
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

    /** Entries of one saga go one after the other. */
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

    /** Whoever has this pod id may have been killed a moment ago, or may live: that it beats again tells. */
    if (await read("journal.lease", pod, () => !isExpired(pod))) {
      await new Promise<void>((resolve) => process.after(leaseMs * 0.45, resolve));
    }
    await read("journal.lease", pod, () => beats.set(pod, scheduler.now()));
    beat();
    return {
      create: (entry) => write("journal.create", entry.sagaId, () => tables.create(entry, pod)),
      append: (entry) => write("journal.append", entry.sagaId, () => tables.append(entry, pod)),
      load: (sagaId) => read("journal.load", sagaId, () => tables.load(sagaId)),
      loadMany: (ids) => read("journal.load", ids.join(), () => ids.flatMap((id) => tables.load(id) ?? [])),
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
            const row = tables.sagas.get(sagaId);
            for (const { process: owner, tell } of receivers.filter((known) => known.process.name === row?.owner)) {
              scheduler.after(noticeMs(`handover/${sagaId}#${++notices}`), () =>
                owner.after(0, () => tell(sagaId, topic)),
              );
            }
          },
          false,
        ),
      onHandOver(tell) {
        const receiver = { process, tell };
        receivers.push(receiver);
        return () => void receivers.splice(receivers.indexOf(receiver), 1);
      },
      shared: true,
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
            return { sagaIds, messages };
          },
          false,
        ),
      listIdle: (idleMs, limit, after) =>
        read(
          "journal.listIdle",
          pod,
          () =>
            [...tables.sagas.values()]
              .filter(({ sagaId, phase, owner, touchedAtMs }) => {
                return phase === "open" && owner === pod && touchedAtMs < scheduler.now() - idleMs && sagaId > after;
              })
              .toSorted((one, other) => (one.sagaId < other.sagaId ? -1 : 1))
              .slice(0, limit)
              .map(({ sagaId, records }) => ({ sagaId, entries: records.length })),
          false,
        ),
      onChange(tell, heeds) {
        const listener = { process, tell, heeds };
        listeners.push(listener);
        return () => void listeners.splice(listeners.indexOf(listener), 1);
      },
      messages: {
        pending: () => read("journal.pending", pod, () => tables.pending(pod)),
        remove: (ids) => read("journal.remove", ids.join(), () => tables.remove(ids)),
        addDeadLetter: (message, reason) =>
          read("journal.bury", message.key, () => tables.addDeadLetter(message, reason, pod)),
        deadLetters: (topic) => read("journal.buried", topic, () => tables.deadLetters(topic)),
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
    spuriousNotice: (sagaId) => notify(sagaId, () => true),
    get writing() {
      return writing;
    },
    get onTheWay() {
      return onTheWay;
    },
  };
}
