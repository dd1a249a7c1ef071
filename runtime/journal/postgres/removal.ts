import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";

/**
 * Removes sagas that ended at least so long ago, oldest first, with their records. Those that another pod is just removing
 * are passed over. `statement_timestamp()`, since an index serves no comparison with a time that moves.
 */
export const removeEnded = `
WITH ended AS MATERIALIZED (
  SELECT id FROM saga WHERE ended_at IS NOT NULL AND ended_at <= statement_timestamp() - make_interval(secs => $1)
  ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
), forgotten AS (
  DELETE FROM record USING ended WHERE record.saga_id = ended.id
), removed AS (
  DELETE FROM saga USING ended WHERE saga.id = ended.id RETURNING 1
)
SELECT count(*)::integer AS removed FROM removed`;

/** Makes what removes ended sagas. Not tried again: whoever asks comes back for what is left. */
export function createRemoval(database: Database): (keepMs: number, limit: number) => Promise<number> {
  return async (keepMs, limit) => {
    try {
      const query = { name: "remove", text: removeEnded, values: [keepMs / 1_000, limit] };
      const [row] = await database.query<{ removed: number }>(query);
      return row?.removed ?? 0;
    } catch (error) {
      throw unavailable("written", error);
    }
  };
}
