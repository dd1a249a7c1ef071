import { setTimeout as sleep } from "node:timers/promises";
import type { QueryResultRow } from "pg";
import { SagaError } from "../../core/errors.js";
import type { TakenOver } from "../journal.js";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import { notifyOwner } from "./notice.js";
import type { Retry } from "./retry.js";

/** Shows the other pods that this one lives, and finds those that do not. All times are the database's. */
export interface Lease {
  /** As the journal's. */
  takeOver(fingerprints: readonly string[], limit: number): Promise<TakenOver>;
  /** As the journal's. */
  listIdle(idleMs: number, limit: number): Promise<readonly string[]>;
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
  /** Where other processes listen. */
  readonly channel: string;
  /** How long a pod may give no sign of life before others take over what it drives, ms. */
  readonly leaseMs: number;
  readonly onError: (error: Error) => void;
}

const beat = `
INSERT INTO pod (id, beat_at) VALUES ($1, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()`;

const lastBeat = `
SELECT beat_at::text AS beat FROM pod WHERE id = $1 AND beat_at > clock_timestamp() - make_interval(secs => $2)`;

// What a pod could not run any more has no owner.
// Whoever takes a saga over skips those that another pod is just taking.
const takeOver = `
WITH dead AS (SELECT '' AS id UNION ALL SELECT id FROM pod WHERE beat_at < clock_timestamp() - make_interval(secs => $2)),
left_behind AS (
  SELECT saga.id FROM saga JOIN dead ON saga.owner = dead.id
  WHERE saga.phase = 'open' AND saga.fingerprint = ANY($3) LIMIT $4 FOR UPDATE OF saga SKIP LOCKED
)
UPDATE saga SET owner = $1 FROM left_behind WHERE saga.id = left_behind.id RETURNING saga.id`;

const release = "UPDATE saga SET owner = '' WHERE phase = 'open' AND owner = $1 AND fingerprint <> ALL ($2::text[])";

const takeMessages = `
UPDATE message SET owner = $1 WHERE dead_reason IS NULL
  AND owner IN (SELECT id FROM pod WHERE beat_at < clock_timestamp() - make_interval(secs => $2))`;

const selectIdle = `
SELECT id FROM saga WHERE phase = 'open' AND owner = $1
  AND created_at < clock_timestamp() - make_interval(secs => $2)
  AND NOT EXISTS (
    SELECT 1 FROM record
    WHERE saga_id = saga.id AND written_at >= clock_timestamp() - make_interval(secs => $2)
  )
LIMIT $3`;

/**
 * Takes the lease and keeps it. Resolves once it is taken. Where one of this pod id runs, its owner may have been killed a
 * moment ago, or may live: that it beats again tells.
 * @throws SagaError SAGA_POD_ID_TAKEN
 */
export async function keepLease(options: LeaseOptions): Promise<Lease> {
  const { database, retry, podId, channel, leaseMs, onError } = options;
  const closing = new AbortController();

  function renew(): Promise<unknown> {
    return database.query({ name: "beat", text: beat, values: [podId] });
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
      const messages = await run(`${takeMessages} RETURNING id`, [podId, leaseMs / 1_000]);
      return { sagaIds: sagas.map(({ id }) => id), messages: messages.length };
    },
    async listIdle(idleMs, limit) {
      return (await run<{ id: string }>(selectIdle, [podId, idleMs / 1_000, limit])).map(({ id }) => id);
    },
    async release(fingerprints) {
      await run(release, [podId, fingerprints]);
    },
    async handOver(sagaId, topic) {
      await run(notifyOwner, [channel, sagaId, topic]);
    },
    async close() {
      closing.abort();
      await keeping;
      const text = "UPDATE pod SET beat_at = '-infinity' WHERE id = $1";
      await database.query({ text, values: [podId] }).catch(() => {}); // Then the others wait for its end.
    },
  };
}
