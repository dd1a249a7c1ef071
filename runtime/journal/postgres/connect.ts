import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { SagaError } from "../../core/errors.js";
import { isTransient } from "./errors.js";
import type { Sql } from "./sql.js";

/** What every connection of a journal is made with. */
export interface Connection {
  readonly config: pg.ClientConfig;
  /** The host and the database, for people. */
  readonly place: string;
}

/** How long connecting may take, ms. */
const connectTimeoutMs = 5_000;
/** How long an unused connection is kept, ms: shorter than firewalls and the like may be expected to remember it. */
const idleTimeoutMs = 60_000;
/**
 * How long the server lets a statement run, ms, and how long we wait for its answer: longer, so that the server ends
 * it.
 */
const statementTimeoutMs = 5_000;
const answerTimeoutMs = 7_000;

/** The wait after the first failed attempt; it doubles with each, ms. */
const firstWaitMs = 10;
const maxWaitMs = 500;

/**
 * Reads a connection URL.
 * @throws SagaError SAGA_CONFIG_INVALID
 */
export function readConnection(url: string, podId: string, schema: string): Connection {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `the journal's schema "${schema}" has characters other than a-z, 0-9 and _, or is longer than 63 characters`,
    );
  }
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new SagaError("SAGA_CONFIG_INVALID", "the journal's URL doesn't begin with postgres:// or postgresql://");
  }
  try {
    // Reads the certificates that the URL names, and takes what it leaves out from the environment (PGUSER and so on).
    const { host, port, database = "" } = new pg.Client({ connectionString: url });
    return {
      // No other settings of the session: a connection pooler refuses those that it doesn't know.
      config: {
        connectionString: url,
        application_name: `protosaga ${podId}`,
        connectionTimeoutMillis: connectTimeoutMs,
        query_timeout: answerTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelayMillis: idleTimeoutMs,
      },
      place: `${host}:${port}/${database}`,
    };
  } catch (error) {
    // The error is not kept as a cause: some of them contain the URL, and with it the password.
    const message = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `the journal's URL can't be used: ${message}`);
  }
}

/**
 * Sets up the session of a new connection. A connection to a pooler, such as PgBouncer, is left as it is: its sessions
 * are shared with others. The server's process id then differs from the one that the client got when it connected.
 *
 * The settings: a statement sees what others have committed; tables that nobody has analysed yet, which the planner
 * believes to be small, are read by their indexes; no statement is compiled (JIT), which would take longer than running
 * it; and a process that stands still inside a transaction keeps its locks no longer than a statement may run.
 * @returns whether the session belongs to this connection alone
 */
export async function setUp(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query({
    text: `SELECT set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),
      set_config('plan_cache_mode', 'force_generic_plan', false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('default_transaction_read_only', 'off', false),
      set_config('statement_timeout', $2, false),
      set_config('idle_in_transaction_session_timeout', $2, false)
      WHERE pg_backend_pid() = $1`,
    values: ["processID" in client ? client.processID : -1, String(statementTimeoutMs)],
  });
  return rows.length > 0;
}

/** A connection outside the pool, set up. The caller ends it. */
export async function connect({ config }: Connection): Promise<pg.Client> {
  const client = new pg.Client(config);
  // Without a listener the end of a connection would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await setUp(client);
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw error;
  }
}

/** How a database is used. */
export interface DatabaseOptions {
  /** The largest number of connections. */
  readonly size: number;
  /** After which time no further attempt begins, ms. */
  readonly giveUpAfterMs: number;
  /** Whether sessions belong to one connection each; if not, statements are not prepared by name. */
  readonly ownSessions: boolean;
  /** Called with connections that were lost while unused, and with errors after which work is tried again. */
  readonly onError: (error: Error) => void;
}

/** Runs one statement. */
export type Query = <Row extends pg.QueryResultRow>(sql: Sql, values?: unknown[]) => Promise<readonly Row[]>;

/** Runs statements on a pool of connections. A connection on which anything failed is not used again. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #options: DatabaseOptions;
  /** How many more statements may run at once, and those that wait: in the pool, the time to connect would run out. */
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor({ config }: Connection, options: DatabaseOptions) {
    this.#options = options;
    this.#free = options.size;
    const onConnect = async (client: pg.ClientBase) => {
      await setUp(client);
    };
    this.#pool = new pg.Pool({ ...config, max: options.size, idleTimeoutMillis: idleTimeoutMs, onConnect });
    this.#pool.on("error", (error) => {
      // pg-pool adds the client that was lost: pages of its internals in the log.
      Reflect.deleteProperty(error, "client");
      options.onError(error);
    });
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Runs one statement, once. */
  readonly query: Query = <Row extends pg.QueryResultRow>(sql: Sql, values: unknown[] = []) =>
    this.#inTurn(async () => (await this.#pool.query<Row>(this.#config(sql, values))).rows);

  /** Runs statements as one transaction, once. Each sees what was committed before it began. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      const client = await this.#pool.connect();
      try {
        await client.query(
          `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
           SET LOCAL idle_in_transaction_session_timeout = ${statementTimeoutMs}`,
        );
        const result = await work(
          async <Row extends pg.QueryResultRow>(sql: Sql, values: unknown[] = []) =>
            (await client.query<Row>(this.#config(sql, values))).rows,
        );
        await client.query("COMMIT");
        client.release();
        return result;
      } catch (error) {
        client.release(true); // The end of the connection is the end of the transaction.
        throw error;
      }
    });
  }

  /**
   * Does work again while its errors are transient.
   * @param work gets the number of the attempt, from 1; after the first, the one before may have been committed or not
   * @param sinceMs when somebody began to wait for it, on the clock of performance.now()
   * @throws what the last attempt threw
   */
  async retry<Result>(work: (attempt: number) => Promise<Result>, sinceMs = performance.now()): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt);
      } catch (error) {
        // Pods that lost the same server must not all come back in the same moment.
        const waitMs = Math.min(firstWaitMs * 2 ** (attempt - 1), maxWaitMs) * (0.5 + Math.random());
        if (!isTransient(error) || performance.now() + waitMs - sinceMs > this.#options.giveUpAfterMs) {
          throw error;
        }
        this.#options.onError(error instanceof Error ? error : new Error(String(error)));
        await sleep(waitMs);
      }
    }
  }

  /** To be called when nothing runs any more: a pool that ends forgets who waits for a connection. */
  close(): Promise<void> {
    return this.#pool.end();
  }

  #config({ name, text }: Sql, values: unknown[]): pg.QueryConfig {
    return this.#options.ownSessions ? { name, text, values } : { text, values };
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#free--;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#free++;
      } else {
        next();
      }
    }
  }
}
