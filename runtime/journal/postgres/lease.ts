import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import type { Retry } from "./retry.js";

/** Shows the other pods that this one lives, and finds those that do not. All times are the database's. */
export interface Lease {
  /** Takes over sagas of pods whose lease has run out. @returns the ids of at most so many */
  takeOver(limit: number): Promise<readonly string[]>;
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
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()`;

// Whoever takes a saga over skips those that another pod is just taking.
const takeOver = `
WITH dead AS (SELECT id FROM pod WHERE beat_at < clock_timestamp() - make_interval(secs => $2)),
left_behind AS (
  SELECT saga.id FROM saga JOIN dead ON saga.owner = dead.id
  WHERE saga.phase = 'open' LIMIT $3 FOR UPDATE OF saga SKIP LOCKED
)
UPDATE saga SET owner = $1 FROM left_behind WHERE saga.id = left_behind.id RETURNING saga.id`;

/** Takes the lease and keeps it. Resolves once it is taken. */
export async function keepLease({ database, retry, podId, leaseMs, onError }: LeaseOptions): Promise<Lease> {
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

  await retry.run(renew);
  const keeping = keep();
  return {
    async takeOver(limit) {
      try {
        const query = { name: "take-over", text: takeOver, values: [podId, leaseMs / 1_000, limit] };
        const rows = await retry.run(() => database.query<{ id: string }>(query));
        return rows.map(({ id }) => id);
      } catch (error) {
        throw unavailable("read", error);
      }
    },
    async close() {
      closing.abort();
      await keeping;
      const text = "UPDATE pod SET beat_at = '-infinity' WHERE id = $1";
      await database.query({ text, values: [podId] }).catch(() => {}); // Then the others wait for its end.
    },
  };
}
