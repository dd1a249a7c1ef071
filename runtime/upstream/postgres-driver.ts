import { SagaError } from "../core/errors.js";
import { unavailable } from "./barrier.js";
import type { BarrierDriver, BarrierRows, Fate, Work } from "./port.js";
import type { ClientOf, PostgresClient, PostgresPool } from "./postgres-pool.js";
import { postgresStatements, postgresTable } from "./postgres-sql.js";
import { isRefusal } from "./refusal.js";
import { answerColumns, expectRow, readRow, type StoredRow } from "./stored-row.js";
import { runAsync } from "./work.js";

/** The barrier's table in a PostgreSQL database. Handlers write with the client that holds the transaction. */
export interface PostgresDriver<Client> extends BarrierDriver<Client, false> {
  /** Makes the table, unless it is there. Several servers may do so at once. */
  createTable(): Promise<void>;
}

/** How the PostgreSQL driver works. */
export interface PostgresDriverOptions {
  /** The table's name, with its schema where that isn't in the search path. Default: `saga_barriers`. */
  readonly table?: string;
  /** Default: `READ COMMITTED`, which is enough for the barrier; the stricter ones are for the handlers' own sake. */
  readonly isolation?: "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";
  /**
   * How long a statement waits for a lock, ms: a repeat for the first call, a compensation for its action. After that the
   * call is answered UNAVAILABLE, and its repeat waits again. Default: 5000.
   */
  readonly waitMs?: number;
}

/**
 * Stores the barrier in PostgreSQL, beside the upstream's own tables.
 * @param pool node-postgres' Pool. Each call holds one of its connections until it is answered
 * @throws SagaError SAGA_CONFIG_INVALID
 */
export function postgresDriver<Pool extends PostgresPool>(
  pool: Pool,
  options: PostgresDriverOptions = {},
): PostgresDriver<ClientOf<Pool>> {
  type Client = ClientOf<Pool>;
  const { table = "saga_barriers", isolation = "READ COMMITTED", waitMs = 5000 } = options;
  if (!/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/.test(table)) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `the barrier's table "${table}" has other characters than a-z, 0-9 and _`,
    );
  }
  if (!Number.isSafeInteger(waitMs) || waitMs < 1) {
    throw new SagaError("SAGA_CONFIG_INVALID", `waitMs is ${waitMs}; it is a whole number of milliseconds, from 1`);
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
      // The pool listens only to idle clients: without this, a lost connection would end the process.
      const lost = () => {};
      client.on("error", lost);
      let broken = false;
      try {
        await client.query(begin);
        const result = await runAsync(work(client as Client, rowsOf(client, sql)));
        const { command } = await client.query("COMMIT");
        if (command !== "COMMIT") {
          throw new Error("a statement of the handler failed and it went on: PostgreSQL rolled its transaction back");
        }
        return result;
      } catch (error) {
        broken = !(await rolledBack(client));
        // Where the connection is gone, the database rolls back what it had not committed; whether it had, nobody knows.
        throw broken && !isRefusal(error) ? unavailable(error) : error;
      } finally {
        client.removeListener("error", lost);
        client.release(broken);
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
      const { rowCount } = await client.query(sql.settle, [key, ...answerColumns(answer)]);
      expectRow(key, rowCount);
    },
    async savepoint() {
      await client.query("SAVEPOINT saga_effect");
    },
    async rollBackToSavepoint() {
      await client.query("ROLLBACK TO SAVEPOINT saga_effect");
    },
  };
}

async function rolledBack(client: PostgresClient): Promise<boolean> {
  try {
    await client.query("ROLLBACK");
    return true;
  } catch {
    return false;
  }
}

/** By SQLSTATE. An error without one, while the connection lives, is none of PostgreSQL's. */
function fateOf(error: unknown): Fate {
  const state = error instanceof Error && "severity" in error && "code" in error ? String(error.code) : "";
  if (state.startsWith("40")) {
    return "again"; // A serialization failure or a deadlock.
  }
  // The connection, resources, a lock that was waited for too long, a cancelled statement or a shutdown, I/O, a standby.
  return ["08", "53", "55P03", "57", "58", "25006"].some((start) => state.startsWith(start)) ? "unavailable" : "failed";
}
