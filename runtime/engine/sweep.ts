import type { FacadeDefinition } from "../facade/definition.js";
import { isShared, type Journal, type StoredSaga } from "../journal/journal.js";
import type { Executions } from "./executions.js";
import type { Outbox } from "./outbox.js";
import type { Clock, Log, Timers } from "./ports.js";
import type { Recovery } from "./recovery.js";

/** How many sagas are taken over at a time. */
const batch = 100;

/** How many idle sagas are listed in one sweep, and how many are read at a time. */
const pageSize = 1_000;
const readSize = 200;

/** What a journal that servers don't share uses in the place of a lease, ms. */
const ownLeaseMs = 15_000;

/** A saga's messages are sent again after a time that doubles, up to so many times the first one. */
const mostPatience = 8;

interface Parts {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly executions: Executions;
  readonly recovery: Recovery;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly isDraining: () => boolean;
}

/** When an idle saga was last looked at. */
interface Checked {
  readonly entries: number;
  readonly atMs: number;
  /** How long it is left alone unless it moves, ms. */
  readonly patienceMs: number;
}

/**
 * Looks periodically for sagas that no server runs: those of a server whose lease has expired, and idle ones of this
 * server. Most idle sagas wait for messages on topics that are behind, but a message may have been lost, or a saga
 * suspended.
 */
export class Sweep {
  readonly #parts: Parts;
  readonly #leaseMs: number;
  /** By then any call of a saga has ended, whichever server made it. */
  readonly #idleMs: number;
  readonly #fingerprints: readonly string[];
  #after = "";
  /** Of this round through all idle sagas, and of the one before: a saga that is idle no more is forgotten with it. */
  #thisRound = new Map<string, Checked>();
  #lastRound = new Map<string, Checked>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { facades, journal } = parts;
    this.#fingerprints = facades.map(({ fingerprint }) => fingerprint);
    this.#leaseMs = isShared(journal) ? journal.leaseMs : ownLeaseMs;
    const timeouts = facades.flatMap(({ steps }) =>
      steps.flatMap(({ timeoutMs, compensation }) => [timeoutMs, compensation?.timeoutMs ?? 0]),
    );
    this.#idleMs = this.#leaseMs + Math.max(0, ...timeouts);
  }

  start(): void {
    const { timers, log, isDraining } = this.#parts;
    // At random, so that servers do not all look in the same moment.
    timers.after(this.#leaseMs * (0.25 + timers.random() / 4), () => {
      if (!isDraining()) {
        this.#sweep()
          .catch((err) => log.warn({ err }, "the journal can't be searched for idle sagas now; retrying"))
          .finally(() => this.start());
      }
    });
  }

  async #sweep(): Promise<void> {
    // mutation: take-over-expired-leases
    await this.#takeOver();
    // mutation: sweep-resends-messages
    await this.#parts.outbox.resend();
    await this.#checkIdle();
  }

  async #takeOver(): Promise<void> {
    const { journal, recovery, log, isDraining } = this.#parts;
    if (!isShared(journal)) {
      return;
    }
    for (let more = true; more; ) {
      const { sagaIds } = await journal.takeOver(this.#fingerprints, batch);
      if (sagaIds.length > 0) {
        log.info({ sagas: sagaIds.length }, "sagas taken over from a server whose lease expired");
        recovery.enqueue(sagaIds);
        await recovery.empty();
      }
      more = sagaIds.length === batch && !isDraining();
    }
  }

  async #checkIdle(): Promise<void> {
    const { journal, recovery, log, isDraining } = this.#parts;
    const page = await journal.listIdle(this.#idleMs, pageSize, this.#after);
    const due = page.filter(({ sagaId, entries }) => this.#isDue(sagaId, entries)).map(({ sagaId }) => sagaId);
    for (let at = 0; at < due.length && !isDraining(); at += readSize) {
      const { sagas, unread } = await recovery.read(due.slice(at, at + readSize));
      for (const stored of sagas.filter(({ phase, ownedHere }) => phase === "open" && ownedHere)) {
        this.#checked(stored);
        recovery.resend(stored);
      }
      for (const { sagaId, error } of unread) {
        log.debug({ saga: sagaId, err: error }, "idle saga can't be read now");
      }
    }
    if (page.length === pageSize) {
      this.#after = page.at(-1)?.sagaId ?? "";
    } else {
      this.#after = "";
      this.#lastRound = this.#thisRound;
      this.#thisRound = new Map();
    }
  }

  #isDue(sagaId: string, entries: number): boolean {
    const { executions, clock } = this.#parts;
    const checked = this.#lastRound.get(sagaId);
    if (checked?.entries === entries && clock.now() - checked.atMs < checked.patienceMs) {
      this.#thisRound.set(sagaId, checked);
      return false;
    }
    const live = executions.get(sagaId);
    return live === undefined || (!live.isReleased && live.isStill && !live.hasTimer);
  }

  #checked({ sagaId, records }: StoredSaga): void {
    const before = this.#lastRound.get(sagaId);
    const again = before?.entries === records.length;
    const patienceMs = again ? Math.min(before.patienceMs * 2, this.#idleMs * mostPatience) : this.#idleMs;
    this.#thisRound.set(sagaId, { entries: records.length, atMs: this.#parts.clock.now(), patienceMs });
  }
}
