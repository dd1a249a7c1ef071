import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";

/**
 * Finds sagas that ended at least so long ago, oldest first, and locks them. Those that another pod is just removing, or
 * storing a late entry of, are passed over. `statement_timestamp()`, since an index serves no comparison with a time that
 * moves.
 */
export const lockEnded = `
SELECT id FROM saga WHERE ended_at IS NOT NULL AND ended_at <= statement_timestamp() - make_interval(secs => $1)
ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED`;

/**
 * Removes locked sagas with their records. A statement of its own: one that locked as well would see the records as they
 * were before it had the locks, and leave those that a late entry stored meanwhile.
 */
export const removeLocked = `
WITH forgotten AS (
  DELETE FROM record WHERE saga_id = ANY ($1::text[])
)
DELETE FROM saga WHERE id = ANY ($1::text[])`;

/** Makes what removes ended sagas. Not tried again: whoever asks comes back for what is left. */
export function createRemoval(database: Database): (keepMs: number, limit: number) => Promise<number> {
  return async (keepMs, limit) => {
    try {
      return await database.transaction(async (query) => {
        const values = [keepMs / 1_000, limit];
        const ended = await query<{ id: string }>({ name: "lock", text: lockEnded, values });
        if (ended.length > 0) {
          await query({ name: "remove", text: removeLocked, values: [ended.map(({ id }) => id)] });
        }
        return ended.length;
      });
    } catch (error) {
      throw unavailable("written", error);
    }
  };
}
