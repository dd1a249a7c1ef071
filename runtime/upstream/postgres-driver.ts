import { SagaError } from "../core/errors.js";
import {
  answerColumns,
  type BarrierDriver,
  type BarrierRows,
  expectRow,
  type Fate,
  isRefusal,
  readRow,
  rowColumns,
  runAsync,
  type StoredRow,
  unavailable,
  type Work,
} from "./driver.js";

/** What the driver needs of a statement's result. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
  readonly command: string;
}

// biome-ignore-start lint/suspicious/noExplicitAny: a statement's values are of any type, in node-postgres' types too.

/** What the driver needs of a connection. node-postgres' PoolClient provides it. */
export interface PostgresClient {
  query(text: string, values?: any[]): Promise<PostgresResult>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** @param destroy whether to close the connection instead of reusing it */
  release(destroy?: boolean): void;
}

/** What the driver needs of a pool. node-postgres' Pool provides it. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  query(text: string, values?: any[]): Promise<PostgresResult>;
}

/** The connections of a pool: PoolClient with node-postgres' types. */
export type ClientOf<Pool extends PostgresPool> = Pool extends {
  // node-postgres overloads `connect` with a callback. Inference uses all overloads together, or only the last.
  connect: { (): Promise<infer Client extends PostgresClient>; (callback: any): void };
}
  ? Client
  : Awaited<ReturnType<Pool["connect"]>>;

// biome-ignore-end lint/suspicious/noExplicitAny: see above

/** The barrier's table in a PostgreSQL database. Handlers write with the client that holds the transaction. */
export interface PostgresDriver<Client> extends BarrierDriver<Client, false> {
  /** Creates the table if it doesn't exist. Several servers may do so at the same time. */
  createTable(): Promise<void>;
}

/** Options of the PostgreSQL driver. */
export interface PostgresDriverOptions {
  /** The table's name, with its schema if the schema isn't in the search path. Default: `saga_barriers`. */
  readonly table?: string;
  /** Default: `READ COMMITTED`. The barrier needs no more; choose a stricter level if the handlers need it. */
  readonly isolation?: "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";
  /**
   * How long a statement waits for a lock, ms: a repeat for the first call, a compensation for its action. After that, the
   * call fails with UNAVAILABLE and its repeat waits again. Default: 5000.
   */
  readonly waitMs?: number;
}

/**
 * Creates the table and its index if they don't exist. The lock serializes servers that start at the same time, which
 * would otherwise fail. Several statements in one query run in one transaction.
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
    // Waits if another open transaction inserted the key; 0 rows if a committed one did.
    insert: `INSERT INTO ${table} (key, method, request_sha256, state) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING`,
    find: `SELECT ${rowColumns} FROM ${table} WHERE key = $1`,
    settle: `UPDATE ${table} SET state = 'answered', code = $2, message = $3, details = $4, response = $5 WHERE key = $1`,
    remove: `DELETE FROM ${table} WHERE key IN (
      SELECT key FROM ${table} WHERE created_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
      ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  } as const;
}

/**
 * Stores the barrier in PostgreSQL, in the database of the upstream's tables.
 * @param pool node-postgres' Pool. Each call holds a connection until it is answered
 * @throws SagaError SAGA_CONFIG_INVALID
 */
export function postgresDriver<Pool extends PostgresPool>(
  pool: Pool,
  options: PostgresDriverOptions = {},
): PostgresDriver<ClientOf<Pool>> {
  type Client = ClientOf<Pool>;
  const { table = "saga_barriers", isolation = "READ COMMITTED", waitMs = 5000 } = options;
  if (!/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/.test(table)) {
    throw new SagaError("SAGA_CONFIG_INVALID", `table "${table}" must consist of a-z, 0-9 and _`);
  }
  if (!Number.isSafeInteger(waitMs) || waitMs < 1) {
    throw new SagaError("SAGA_CONFIG_INVALID", `waitMs ${waitMs} must be a whole number of milliseconds, at least 1`);
  }
  const sql = postgresStatements(table);
  const begin = `BEGIN ISOLATION LEVEL ${isolation} READ WRITE; SET LOCAL lock_timeout = ${waitMs}`;

  return {
    sync: false,
    async createTable() {
      await pool.query(postgresTable(table));
    },
    async transaction<Result>(work: (tx: Client, rows: BarrierRows) => Work<Result>) {
      const client: PostgresClient = await pool.connect().catch((error: unknown) => {
        throw unavailable(error);
      });
      // The pool handles errors of idle clients only. Without a listener, a lost connection would end the process.
      const ignore = () => {};
      client.on("error", ignore);
      let lost = false;
      try {
        await client.query(begin);
        const result = await runAsync(work(client as Client, rowsOf(client, sql)));
        const { command } = await client.query("COMMIT");
        if (command !== "COMMIT") {
          throw new Error("PostgreSQL rolled the transaction back: the handler ignored the error of a statement");
        }
        return result;
      } catch (error) {
        lost = await client.query("ROLLBACK").then(
          () => false,
          () => true,
        );
        // With the connection lost, the outcome of a COMMIT is unknown.
        throw lost && !isRefusal(error) ? unavailable(error) : error;
      } finally {
        client.removeListener("error", ignore);
        client.release(lost);
      }
    },
    fateOf,
    async remove({ olderThanMs, limit }) {
      return (await pool.query(sql.remove, [olderThanMs, limit])).rowCount ?? 0;
    },
  };
}

function rowsOf(client: PostgresClient, sql: ReturnType<typeof postgresStatements>): BarrierRows {
  return {
    async insert({ key, method, requestHash, state }) {
      const { rowCount } = await client.query(sql.insert, [key, method, Buffer.from(requestHash), state]);
      return rowCount === 1;
    },
    async find(key) {
      const { rows } = await client.query(sql.find, [key]);
      const row = rows[0] as StoredRow | undefined;
      return row && readRow(row);
    },
    async settle(key, answer) {
      expectRow(key, (await client.query(sql.settle, [key, ...answerColumns(answer)])).rowCount);
    },
    async savepoint() {
      await client.query("SAVEPOINT saga_effect");
    },
    async rollBackToSavepoint() {
      await client.query("ROLLBACK TO SAVEPOINT saga_effect");
    },
  };
}

/** Classifies an error by its SQLSTATE. While the connection lives, an error without one is not PostgreSQL's. */
function fateOf(error: unknown): Fate {
  const state = error instanceof Error && "severity" in error && "code" in error ? String(error.code) : "";
  if (state.startsWith("40")) {
    return "again"; // Serialization failure or deadlock.
  }
  // Connection, resources, lock timeout, cancelled statement or shutdown, I/O, read-only standby.
  return ["08", "53", "55P03", "57", "58", "25006"].some((start) => state.startsWith(start)) ? "unavailable" : "failed";
}
