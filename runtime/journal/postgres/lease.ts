import { setTimeout as sleep } from "node:timers/promises";
import { SagaError } from "../../core/errors.js";
import type { TakenOver } from "../journal.js";
import type { Database } from "./connect.js";
import { Poller } from "./poller.js";
import type { Statements } from "./sql.js";

/** Whose lease it is. */
export interface LeaseOptions {
  readonly database: Database;
  readonly sql: Statements;
  readonly podId: string;
  /** How long a pod may be silent before others take over its sagas, ms. */
  readonly leaseMs: number;
  readonly onError: (error: Error) => void;
}

/** An answer of the database that took longer than this, ms, says little about its time. */
const maxClockErrorMs = 500;
/**
 * How long ago a pod must have expired to be removed, ms, and leases. That is longer than a process may pause, or
 * a request of it may be in flight: it becomes no saga's owner after that.
 */
const removeAfterMs = 3_600_000;
const removeAfterLeases = 20;
/** By how many leases the last heartbeat of a pod that leaves is dated back: enough for others with longer leases. */
const leftLeasesAgo = 10;

/** Renews this pod's lease, and takes over the sagas of pods whose lease has expired. All times are the database's. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #heartbeat: Poller;
  /** How far the database's clock is ahead of performance.now(), ms. */
  #aheadMs: number | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    const { leaseMs, onError } = options;
    this.#heartbeat = new Poller({ everyMs: leaseMs / 3, query: () => this.#renew(), onError });
  }

  /**
   * Takes the lease, and renews it from now on. If one of this pod id has not expired, its process may have been killed
   * a moment ago, or may still run: another heartbeat shows that it does.
   * @throws SagaError SAGA_POD_ID_TAKEN
   */
  async start(): Promise<void> {
    await this.#expectNoOther();
    await this.#options.database.retry(() => this.#renew());
    this.#heartbeat.start();
  }

  /** Gives up the lease, so that others need not wait for its end. Never rejects. */
  async close(): Promise<void> {
    const { database, sql, podId, leaseMs } = this.#options;
    await this.#heartbeat.close();
    await database.query(sql.leave, [podId, (leftLeasesAgo * leaseMs) / 1_000]).catch(() => {}); // Then it expires.
  }

  /** The database's clock, as far as it was last seen, whole ms since the Unix epoch. */
  clockMs(): number {
    return Math.round(performance.now() + (this.#aheadMs ?? performance.timeOrigin));
  }

  /** As the journal's. */
  async takeOver(fingerprints: readonly string[], limit: number): Promise<TakenOver> {
    const { database, sql, podId, leaseMs, onError } = this.#options;
    const leaseS = leaseMs / 1_000;
    const sagas = await database.query<{ id: string }>(sql.takeOver, [podId, leaseS, fingerprints, limit]);
    const messages = await database.query(sql.takeMessages, [podId, leaseS]);
    // Both only tidy up: what was taken over is returned in any case.
    const removeAfterS = Math.max(removeAfterMs / 1_000, removeAfterLeases * leaseS);
    await database.query(sql.removePods, [removeAfterS]).catch(onError);
    await database.query(sql.removeHandOvers, [leaseS]).catch(onError);
    return { sagaIds: sagas.map(({ id }) => id), messages: messages.length };
  }

  async #renew(): Promise<void> {
    const { database, sql, podId } = this.#options;
    const asked = performance.now();
    const [row] = await database.query<{ now: number }>(sql.heartbeat, [podId]);
    const answered = performance.now();
    if (row !== undefined && (this.#aheadMs === undefined || answered - asked < maxClockErrorMs)) {
      this.#aheadMs = row.now - (asked + answered) / 2;
    }
  }

  async #lastHeartbeat(): Promise<string | undefined> {
    const { database, sql, podId, leaseMs } = this.#options;
    const values = [podId, leaseMs / 1_000];
    const [row] = await database.retry(() => database.query<{ beat: string }>(sql.lastHeartbeat, values));
    return row?.beat;
  }

  async #expectNoOther(): Promise<void> {
    const { podId, leaseMs } = this.#options;
    const first = await this.#lastHeartbeat();
    // A pod that lives sends one after a third of a lease; a little later it is late.
    for (let waited = 0; first !== undefined && waited < leaseMs * 0.45; waited += leaseMs / 20) {
      await sleep(leaseMs / 20);
      const last = await this.#lastHeartbeat();
      if (last !== undefined && last !== first) {
        throw new SagaError(
          "SAGA_POD_ID_TAKEN",
          `another server uses this journal as pod ${podId}; give each server a different pod_id (POD_ID in the environment)`,
        );
      }
    }
  }
}
