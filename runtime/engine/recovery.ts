import { isSagaError, SagaError } from "../core/errors.js";
import type { SagaEvent } from "../core/event.js";
import { replay, transition } from "../core/transition.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal, StoredSaga } from "../journal/journal.js";
import { decodeRecord, recordTime } from "../journal/record.js";
import type { Executions } from "./executions.js";
import type { Timers } from "./ports.js";
import { type ExecutionHost, SagaExecution } from "./saga-execution.js";
import { SagaValues } from "./saga-values.js";
import { waitsForMessages } from "./turn.js";

/**
 * How many recovered sagas are busy at the same time: thousands that a restart finds must not call upstreams all at
 * once.
 */
const atOnce = 64;

/** How long a saga that could not be stored or read waits before it is recovered, ms; doubled each time. */
const retryAfterMs = 1_000;
const mostRetryAfterMs = 30_000;

/** What recovery works with. */
export interface RecoveryParts {
  readonly host: ExecutionHost;
  readonly journal: Journal;
  readonly executions: Executions;
  readonly byName: ReadonlyMap<string, FacadeDefinition>;
  readonly timers: Timers;
  readonly isDraining: () => boolean;
  /** Whether the server has stopped: then no saga runs here, whatever message or client still asks for one. */
  readonly isStopped: () => boolean;
}

/** What a read of the journal showed. */
interface ReadSagas {
  readonly sagas: readonly StoredSaga[];
  readonly unread: readonly { readonly sagaId: string; readonly error: unknown }[];
  readonly outdated: readonly string[];
}

/** A saga as the journal has it. Its execution is in the map from `run` on. */
export interface Restored {
  readonly execution: SagaExecution;
  /** How long ago the saga last moved, ms. That a server found it is no move. */
  readonly waitedMs: number;
  /** Whether it waits for messages, which any server may get, and for nothing else. */
  readonly waiting: boolean;
  /** Runs the saga here. */
  run(): SagaExecution;
}

/**
 * Runs sagas from what the journal holds: after a start, a takeover, a conflict, an outage of the journal, and when a
 * message or a client asks for one.
 */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #queue = new Set<string>();
  #reading = false;
  #busy = 0;
  #recovered = 0;
  /** The suspended sagas: when each is recovered, and how long it waits after that, ms. */
  readonly #retries = new Map<string, { cancel: (() => void) | undefined; nextMs: number }>();
  /** The number of the entry that the journal refused, by saga: it must show one of that number. */
  readonly #refused = new Map<string, number>();
  #onEmpty: (() => void)[] = [];
  /** Reads of the journal that are under way, with the sagas that have got an entry here since they began. */
  readonly #reads = new Set<{ readonly sagaIds: readonly string[]; readonly outdated: Set<string> }>();

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** Recovers sagas, a few at a time. Those that run here, have ended, or are another server's are left alone. */
  enqueue(sagaIds: readonly string[]): void {
    for (const id of sagaIds) {
      this.#queue.add(id);
    }
    this.#pump();
  }

  /** How many sagas the queue has recovered so far. */
  get recovered(): number {
    return this.#recovered;
  }

  /** Resolves once every saga in the queue runs, or can't. */
  empty(): Promise<void> {
    const isEmpty = this.#queue.size === 0 && !this.#reading;
    return isEmpty ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Recovers a saga after a while. @returns whether this is its first retry since it last moved */
  later(sagaId: string): boolean {
    const known = this.#retries.get(sagaId);
    const retry = known ?? { cancel: undefined, nextMs: retryAfterMs };
    this.#retries.set(sagaId, retry);
    retry.cancel ??= this.#parts.timers.after(retry.nextMs, () => {
      retry.cancel = undefined;
      this.enqueue([sagaId]);
    });
    retry.nextMs = Math.min(mostRetryAfterMs, retry.nextMs * 2);
    return known === undefined;
  }

  /** The journal refused the execution's next entry, because it has one of that number. */
  conflicted({ id, seq }: SagaExecution): void {
    this.#refused.set(id, seq);
    this.#outdate(id);
    this.enqueue([id]);
  }

  /** An entry of the saga is durable. */
  stored(sagaId: string): void {
    this.#outdate(sagaId);
    this.#resumed(sagaId);
  }

  /** The saga is suspended no more. */
  #resumed(sagaId: string): void {
    this.#retries.get(sagaId)?.cancel?.();
    this.#retries.delete(sagaId);
  }

  #outdate(sagaId: string): void {
    for (const { sagaIds, outdated } of this.#reads) {
      if (sagaIds.includes(sagaId)) {
        outdated.add(sagaId);
      }
    }
  }

  /**
   * Reads sagas from the journal. Of one that gets an entry here meanwhile, the read may show less than there is: it is
   * outdated. One that can't be read must not keep the others from being recovered.
   */
  async read(sagaIds: readonly string[]): Promise<ReadSagas> {
    const read = { sagaIds, outdated: new Set<string>() };
    this.#reads.add(read);
    try {
      const { sagas, unread } = await readStored(this.#parts.journal, sagaIds);
      return { sagas: sagas.filter(({ sagaId }) => !read.outdated.has(sagaId)), unread, outdated: [...read.outdated] };
    } finally {
      this.#reads.delete(read);
    }
  }

  /**
   * Reads a saga from the journal, and does something with it and its current execution here, if there is one. Waits
   * while the journal has yet to say whether an execution owns its id, and while calls of an earlier one are in flight.
   * @param use runs before anything else can happen to the saga here
   */
  async find<Result>(
    sagaId: string,
    use: (stored: StoredSaga | undefined, live: SagaExecution | undefined) => Result,
  ): Promise<Awaited<Result>> {
    const { executions } = this.#parts;
    for (;;) {
      const known = executions.get(sagaId);
      // mutation: find-waits-for-unsettled
      if (known !== undefined && isUnsettled(known)) {
        await known.change();
        continue;
      }
      const { sagas, unread, outdated } = await this.read([sagaId]);
      if (executions.get(sagaId) === known && outdated.length === 0) {
        if (unread[0] !== undefined) {
          throw unread[0].error;
        }
        const stored = sagas[0];
        return await use(stored, stored === undefined ? known : this.#current(stored));
      }
    }
  }

  /** Releases a saga's execution if another server has moved the saga on. */
  reloadIfBehind(sagaId: string): void {
    if (this.#parts.executions.live(sagaId)?.isStill) {
      this.find(sagaId, () => {}).catch((err) => {
        this.#parts.host.log.debug({ saga: sagaId, err }, "watched saga can't be read now");
        this.#parts.timers.after(retryAfterMs, () => this.reloadIfBehind(sagaId));
      });
    }
  }

  /** Why this server may not run a stored saga; undefined if it may. */
  incompatible(stored: Pick<StoredSaga, "facade" | "fingerprint">): string | undefined {
    return incompatible(this.#parts.byName.get(stored.facade), stored);
  }

  /**
   * A saga that has no current execution here, ready to run.
   * @throws SagaError SAGA_STRUCTURE_CHANGED or SAGA_JOURNAL_CORRUPT if it can't run here, SAGA_DRAINING
   */
  restore(stored: StoredSaga): Restored {
    const { sagaId, records } = stored;
    if (this.#parts.isStopped()) {
      throw serverStopped();
    }
    const facade = this.#parts.byName.get(stored.facade);
    const why = incompatible(facade, stored);
    if (facade === undefined || why !== undefined) {
      throw new SagaError("SAGA_STRUCTURE_CHANGED", `saga ${sagaId} can't run here: ${why}`);
    }
    const refused = this.#refused.get(sagaId);
    if (refused !== undefined && records.length <= refused) {
      throw new SagaError(
        "SAGA_JOURNAL_CORRUPT",
        `saga ${sagaId} can't continue: the journal shows ${records.length} of its entries and refuses entry ${refused}`,
      );
    }
    this.#refused.delete(sagaId);
    let events: SagaEvent[][];
    try {
      events = records.map(decodeRecord);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new SagaError("SAGA_JOURNAL_CORRUPT", `saga ${sagaId}: its records can't be decoded: ${text}`);
    }
    const state = replay(facade, events.flat());
    const moved = events.findLastIndex((entry) => entry.some(({ kind }) => kind !== "recovered"));
    const movedAtMs = recordTime(records[moved] ?? new Uint8Array());
    const values = new SagaValues(facade, sagaId, stored.request);
    const { host, executions } = this.#parts;
    const execution = new SagaExecution(host, values, state, records.length, stored.answer);
    return {
      execution,
      waitedMs: Math.max(0, host.clock.now() - movedAtMs),
      waiting: host.releasesWaiting && waitsForMessages(state, transition(facade, state, { kind: "recovered" })),
      run() {
        executions.add(execution);
        return execution;
      },
    };
  }

  /** Sends the messages that a saga waits for again, in case they were lost. */
  resend(stored: StoredSaga): void {
    const live = this.#current(stored);
    if (live === undefined) {
      this.#take(stored);
    } else if (live.isStill && !live.hasTimer && this.#parts.host.broker.slots === undefined) {
      live.recover(0);
    }
  }

  /**
   * The live execution of a stored saga, if it knows all that the journal does. One that has fallen behind is released:
   * the journal decides. One that is at work may have an entry on its way.
   */
  #current(stored: StoredSaga): SagaExecution | undefined {
    const live = this.#parts.executions.live(stored.sagaId);
    // mutation: reload-when-behind
    if (live?.isStill && live.seq < stored.records.length) {
      live.release({ why: "conflict" });
      return undefined;
    }
    return live;
  }

  // The queue

  #pump(): void {
    const room = atOnce - this.#busy;
    if (this.#reading || room <= 0 || this.#queue.size === 0 || this.#parts.isDraining()) {
      return;
    }
    this.#reading = true;
    const ids: string[] = [];
    for (const id of this.#queue) {
      if (ids.push(id) === room) {
        break;
      }
    }
    for (const id of ids) {
      this.#queue.delete(id);
    }
    this.read(ids)
      .then(({ sagas, unread, outdated }) => {
        for (const stored of sagas) {
          this.#take(stored);
        }
        for (const sagaId of outdated) {
          this.#queue.add(sagaId);
        }
        // mutation: retry-unreadable-sagas
        for (const { sagaId, error } of unread) {
          this.#unreadable(sagaId, error);
        }
        this.#forget(ids, [...sagas, ...unread].map(({ sagaId }) => sagaId).concat(outdated));
      })
      .catch((err) => this.#parts.host.log.error({ err }, "sagas can't be recovered"))
      .finally(() => {
        this.#reading = false;
        if (this.#queue.size === 0) {
          for (const resolve of this.#onEmpty.splice(0)) {
            resolve();
          }
        }
        this.#pump();
      });
  }

  #take(stored: StoredSaga): void {
    if (this.#parts.isDraining()) {
      return;
    }
    const { sagaId } = stored;
    const known = this.#parts.executions.get(sagaId);
    if (known !== undefined && isUnsettled(known)) {
      // mutation: recover-after-settled
      void known.change().then(() => this.enqueue([sagaId]));
      return;
    }
    // mutation: recover-open-sagas
    if (this.#current(stored) !== undefined || stored.phase !== "open" || !stored.ownedHere) {
      this.#refused.delete(sagaId);
      this.#resumed(sagaId);
      return;
    }
    let restored: Restored;
    try {
      restored = this.restore(stored);
    } catch (err) {
      // Sagas of another structure are reported together at the start.
      const level = isSagaError(err) && err.code === "SAGA_STRUCTURE_CHANGED" ? "debug" : "error";
      this.#parts.host.log[level]({ saga: sagaId, err }, "saga parked: this server can't run it");
      return;
    }
    const execution = restored.run();
    execution.recover(restored.waitedMs);
    this.#recovered++;
    this.#busy++;
    void stillness(execution).then(() => {
      this.#busy--;
      this.#pump();
    });
  }

  /** Forgets the sagas that the journal does not have: they never began, or were removed. */
  #forget(asked: readonly string[], known: readonly string[]): void {
    if (known.length < asked.length) {
      const had = new Set(known);
      for (const sagaId of asked.filter((id) => !had.has(id))) {
        this.#refused.delete(sagaId);
        this.#resumed(sagaId);
      }
    }
  }

  #unreadable(sagaId: string, error: unknown): void {
    const about = { saga: sagaId, err: error };
    if (isSagaError(error) && error.code === "SAGA_JOURNAL_CORRUPT") {
      this.#parts.host.log.error(about, "saga parked: its record in the journal can't be read");
    } else if (this.later(sagaId)) {
      this.#parts.host.log.error(about, "saga can't be read from the journal now; retrying");
    }
  }
}

/** What those who wait for a saga of a stopped server get. */
export function serverStopped(): SagaError {
  return new SagaError("SAGA_DRAINING", "the server stopped while the saga ran; call again with the same request id");
}

/**
 * Why code with this facade can't run a stored saga: the facade has another structure, or is missing; undefined if it
 * can.
 */
export function incompatible(
  facade: FacadeDefinition | undefined,
  stored: Pick<StoredSaga, "facade" | "fingerprint">,
): string | undefined {
  if (facade === undefined) {
    return `this server has no facade ${stored.facade}`;
  }
  return facade.fingerprint === stored.fingerprint
    ? undefined
    : `the structure of ${stored.facade} has changed since the saga began`;
}

async function readStored(journal: Journal, sagaIds: readonly string[]): Promise<Omit<ReadSagas, "outdated">> {
  try {
    if (sagaIds.length > 1) {
      return { sagas: await journal.loadMany(sagaIds), unread: [] };
    }
  } catch {
    // One of them can't be read: which one?
  }
  const sagas: StoredSaga[] = [];
  const unread: { sagaId: string; error: unknown }[] = [];
  for (const sagaId of sagaIds) {
    try {
      const stored = await journal.load(sagaId);
      sagas.push(...(stored === undefined ? [] : [stored]));
    } catch (error) {
      unread.push({ sagaId, error });
    }
  }
  return { sagas, unread };
}

/**
 * Whether nobody can say yet what the execution is: the journal has not stored its first entry, or calls of a released
 * one are in flight.
 */
function isUnsettled(execution: SagaExecution): boolean {
  return execution.isReleased || execution.seq === 0;
}

/** Resolves once a saga waits, be it for its next attempt, or runs here no more. */
async function stillness(execution: SagaExecution): Promise<void> {
  while (!execution.isReleased && !execution.isStill) {
    await execution.change();
  }
}
