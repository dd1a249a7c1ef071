import { columns } from "./stored-row.js";

/** Makes the table and its index, unless they are there. */
export const sqliteTable = `
CREATE TABLE IF NOT EXISTS saga_barriers (
  key            TEXT PRIMARY KEY,
  method         TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('running', 'answered', 'blocked')),
  code           INTEGER,
  message        TEXT,
  details        BLOB,
  response       BLOB,
  created_at     INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
  CHECK ((state = 'answered') = (code IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS saga_barriers_created_at ON saga_barriers (created_at);
`;

/** The statements of the driver. */
export const sqliteStatements = {
  insert:
    "INSERT INTO saga_barriers (key, method, request_sha256, state) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
  find: `SELECT ${columns} FROM saga_barriers WHERE key = ?`,
  settle: "UPDATE saga_barriers SET state = 'answered', code = ?, message = ?, details = ?, response = ? WHERE key = ?",
  remove: `DELETE FROM saga_barriers WHERE key IN (
    SELECT key FROM saga_barriers WHERE created_at < CAST(strftime('%s', 'now') AS INTEGER) - ?
    ORDER BY created_at LIMIT ?)`,
} as const;
