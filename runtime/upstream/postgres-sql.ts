import { columns } from "./stored-row.js";

/**
 * Makes the table and its index, unless they are there. Under a lock: two servers that start at once would both find
 * nothing, and one would fail. Several statements in one query are one transaction.
 */
export function postgresTable(table = "saga_barriers"): string {
  return `SELECT pg_advisory_xact_lock(7305793, hashtext('${table}'));
CREATE TABLE IF NOT EXISTS ${table} (
  key            text PRIMARY KEY,
  method         text NOT NULL,
  request_sha256 bytea NOT NULL,
  state          text NOT NULL CHECK (state IN ('running', 'answered', 'blocked')),
  code           smallint,
  message        text,
  details        bytea,
  response       bytea,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((state = 'answered') = (code IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS ${table.replace(/^.*\./, "")}_created_at ON ${table} (created_at)`;
}

/** The statements of the driver. */
export function postgresStatements(table: string) {
  return {
    // Waits where another transaction has inserted the key and not ended; 0 rows where one has committed it.
    insert: `INSERT INTO ${table} (key, method, request_sha256, state) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING`,
    find: `SELECT ${columns} FROM ${table} WHERE key = $1`,
    settle: `UPDATE ${table} SET state = 'answered', code = $2, message = $3, details = $4, response = $5 WHERE key = $1`,
    remove: `DELETE FROM ${table} WHERE key IN (
      SELECT key FROM ${table} WHERE created_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
      ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  } as const;
}
