import { setTimeout as sleep } from "node:timers/promises";
import type { QueryResultRow } from "pg";
import { SagaError } from "../../core/errors.js";
import type { IdleSaga, TakenOver } from "../journal.js";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import type { Retry } from "./retry.js";

/** Shows the other pods that this one lives, and finds those that do not. All times are the database's. */
export interface Lease {
  /** As the journal's. */
  takeOver(fingerprints: readonly string[], limit: number): Promise<TakenOver>;
  /** As the journal's. */
  listIdle(idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]>;
  /** The database's clock, whole ms since the Unix epoch, as far as it was last seen: this process's own may be set to anything. */
  clockMs(): number;
  /** As the journal's. */
  release(fingerprints: readonly string[]): Promise<void>;
  /** As the journal's. */
  handOver(sagaId: string, topic: string): Promise<void>;
  /** Gives the lease up, so that others need not wait for its end. Never rejects. */
  close(): Promise<void>;
}

/** How a lease works. */
export interface LeaseOptions {
  readonly database: Database;
  readonly retry: Retry;
  readonly podId: string;
  /** How long a pod may give no sign of life before others take over what it drives, ms. */
  readonly leaseMs: number;
  readonly onError: (error: Error) => void;
}

const beat = `
INSERT INTO pod (id, beat_at) VALUES ($1, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()
RETURNING extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`;

const lastBeat = `
SELECT beat_at::text AS beat FROM pod WHERE id = $1 AND beat_at > clock_timestamp() - make_interval(secs => $2)`;

/**
 * Takes over what silent pods left, and what a pod could not run any more, which has no owner. Whoever takes a saga over
 * skips those that another pod is just taking. `statement_timestamp()`, since an index serves no comparison with a time
 * that moves.
 */
export const takeOver = `
WITH dead AS (
  SELECT '' AS id UNION ALL SELECT id FROM pod WHERE beat_at < statement_timestamp() - make_interval(secs => $2)
), left_behind AS (
  SELECT saga.id FROM saga JOIN dead ON saga.owner = dead.id
  WHERE saga.phase = 'open' AND saga.fingerprint = ANY($3) LIMIT $4 FOR UPDATE OF saga SKIP LOCKED
)
UPDATE saga SET owner = $1 FROM left_behind WHERE saga.id = left_behind.id RETURNING saga.id`;

const release = "UPDATE saga SET owner = '' WHERE phase = 'open' AND owner = $1 AND fingerprint <> ALL ($2::text[])";

const takeMessages = `
UPDATE message SET owner = $1 WHERE dead_reason IS NULL
  AND owner IN (SELECT id FROM pod WHERE beat_at < statement_timestamp() - make_interval(secs => $2))
RETURNING id`;

const handOver = `
INSERT INTO hand_over (pod, saga, topic) SELECT owner, id, $2 FROM saga
WHERE id = $1 AND phase = 'open' AND owner <> '' ON CONFLICT DO NOTHING`;

/** Forgets what was handed over to pods that are silent: whoever takes their sagas over recovers them. */
const forgetHandOvers = `
DELETE FROM hand_over WHERE pod NOT IN (SELECT id FROM pod WHERE beat_at >= statement_timestamp() - make_interval(secs => $1))`;

/** Forgets pods that have long been silent and left nothing. What each left is looked up for those alone (`OFFSET 0`). */
export const forgetPods = `
DELETE FROM pod WHERE beat_at < statement_timestamp() - make_interval(secs => $1)
  AND NOT EXISTS (SELECT 1 FROM saga WHERE phase = 'open' AND owner = pod.id OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM message WHERE dead_reason IS NULL AND owner = pod.id OFFSET 0)`;

/**
 * A page of what stands still. What is open is found first, on its own, so that no plan walks through all sagas in the
 * order of their ids; the order is made before the last records are looked up, so that a page reads no more than it gives.
 */
export const selectIdle = `
WITH mine AS MATERIALIZED (
  SELECT id, created_at FROM saga
  WHERE phase = 'open' AND owner = $1 AND created_at < statement_timestamp() - make_interval(secs => $2)
)
SELECT id, coalesce(last.seq, 0) + 1 AS entries
FROM (SELECT * FROM mine WHERE id > $4 ORDER BY id OFFSET 0) AS turn
LEFT JOIN LATERAL (
  SELECT seq, written_at FROM record WHERE saga_id = turn.id ORDER BY seq DESC LIMIT 1
) AS last ON true
WHERE coalesce(last.written_at, created_at) < statement_timestamp() - make_interval(secs => $2)
ORDER BY id LIMIT $3`;

const largestErrorMs = 500;
/**
 * How long a pod must have been silent to be forgotten, ms, and leases: longer than a process may stand still, or a
 * request of it may be on the way, so that it becomes no saga's owner after that.
 */
const forgetAfterMs = 3_600_000;
const forgetAfterLeases = 20;
/** How many leases ago a pod that leaves is said to have given its last sign of life: enough for others with longer leases. */
const leftLeasesAgo = 10;

/**
 * Takes the lease and keeps it. Resolves once it is taken. Where one of this pod id runs, its owner may have been killed a
 * moment ago, or may live: that it beats again tells.
 * @throws SagaError SAGA_POD_ID_TAKEN
 */
export async function keepLease(options: LeaseOptions): Promise<Lease> {
  const { database, retry, podId, leaseMs, onError } = options;
  const closing = new AbortController();

  /** What the database's clock is ahead of performance.now(), ms. */
  let aheadMs: number | undefined;

  async function renew(): Promise<void> {
    const asked = performance.now();
    const [row] = await database.query<{ now: number }>({ name: "beat", text: beat, values: [podId] });
    const answered = performance.now();
    // An answer that took long tells little of the time.
    if (row !== undefined && (aheadMs === undefined || answered - asked < largestErrorMs)) {
      aheadMs = row.now - (asked + answered) / 2;
    }
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      await sleep(leaseMs / 3, undefined, { signal: closing.signal }).catch(() => {});
      if (!closing.signal.aborted) {
        await renew().catch((error) => onError(error instanceof Error ? error : new Error(String(error))));
      }
    }
  }

  async function beatNow(): Promise<string | undefined> {
    const query = { name: "last-beat", text: lastBeat, values: [podId, leaseMs / 1_000] };
    const [row] = await retry.run(() => database.query<{ beat: string }>(query));
    return row?.beat;
  }

  async function expectNobody(): Promise<void> {
    const first = await beatNow();
    // A living one beats after a third of a lease; a little later it is late.
    for (let waited = 0; first !== undefined && waited < leaseMs * 0.45; waited += leaseMs / 20) {
      await sleep(leaseMs / 20);
      const beat = await beatNow();
      if (beat !== undefined && beat !== first) {
        throw new SagaError(
          "SAGA_POD_ID_TAKEN",
          `another server runs on this journal as pod ${podId}; give each a pod_id of its own (POD_ID in the environment)`,
        );
      }
    }
  }

  async function run<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<readonly Row[]> {
    try {
      return await database.query<Row>({ text, values });
    } catch (error) {
      throw unavailable("read", error);
    }
  }

  await expectNobody();
  await retry.run(renew);
  const keeping = keep();
  return {
    async takeOver(fingerprints, limit) {
      // Not tried again: of an attempt whose answer was lost the next one would not tell; what it took is found idle.
      const sagas = await run<{ id: string }>(takeOver, [podId, leaseMs / 1_000, fingerprints, limit]);
      const messages = await run(takeMessages, [podId, leaseMs / 1_000]);
      const forgetAfterS = Math.max(forgetAfterMs, forgetAfterLeases * leaseMs) / 1_000;
      // Both only tidy up: what was taken over is reported in any case.
      await run(forgetPods, [forgetAfterS]).catch(onError);
      await run(forgetHandOvers, [leaseMs / 1_000]).catch(onError);
      return { sagaIds: sagas.map(({ id }) => id), messages: messages.length };
    },
    async listIdle(idleMs, limit, after) {
      const values = [podId, idleMs / 1_000, limit, after];
      const rows = await run<{ id: string; entries: number }>(selectIdle, values);
      return rows.map(({ id, entries }) => ({ sagaId: id, entries }));
    },
    clockMs: () => Math.round(performance.now() + (aheadMs ?? performance.timeOrigin)),
    async release(fingerprints) {
      await run(release, [podId, fingerprints]);
    },
    async handOver(sagaId, topic) {
      await run(handOver, [sagaId, topic]);
    },
    async close() {
      closing.abort();
      await keeping;
      const text = "UPDATE pod SET beat_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1";
      const values = [podId, (leftLeasesAgo * leaseMs) / 1_000];
      await database.query({ text, values }).catch(() => {}); // Then the others wait for its end.
    },
  };
}
