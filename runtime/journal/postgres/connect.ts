import pg from "pg";
import { SagaError } from "../../core/errors.js";

/** Runs one statement, and gives its rows. */
export type Query = <Row extends pg.QueryResultRow>(query: pg.QueryConfig) => Promise<readonly Row[]>;

/** Runs statements on connections of its own choice. */
export interface Database {
  readonly query: Query;
  /** Runs statements as one transaction, each of which sees what was committed before it began. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
  /** To be called when no query is under way: a pool that ends forgets who waits for a connection. */
  close(): Promise<void>;
}

/** What every connection of a journal is made with. */
export interface Connection {
  readonly config: pg.ClientConfig;
  /** The host and the database, for people. */
  readonly place: string;
  readonly schema: string;
}

/** How long a connection may take to be made, ms. */
const connectTimeoutMs = 5_000;
/** How long a connection that nobody uses is kept: less than what lies between may be expected to remember it, ms. */
const idleTimeoutMillis = 60_000;
/** How long the server lets a statement run, and how long we wait for its answer, ms: longer, so that the server ends it. */
export const statementTimeoutMs = 5_000;
const answerTimeoutMs = 7_000;

/**
 * Reads a connection URL.
 * @throws SagaError SAGA_CONFIG_INVALID
 */
export function readConnection(url: string, podId: string, schema: string): Connection {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `the journal's schema "${schema}" has other characters than a-z, 0-9 and _, or is longer than 63`,
    );
  }
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new SagaError("SAGA_CONFIG_INVALID", "the journal's URL doesn't begin with postgres:// or postgresql://");
  }
  try {
    // Reads the certificates that the URL names, and takes what it leaves out from the environment (PGUSER and so on).
    const { host, port, database = "" } = new pg.Client({ connectionString: url });
    return {
      config: {
        connectionString: url,
        application_name: `protosaga ${podId}`,
        connectionTimeoutMillis: connectTimeoutMs,
        statement_timeout: statementTimeoutMs,
        query_timeout: answerTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelayMillis: idleTimeoutMillis,
      },
      place: `${host}:${port}/${database}`,
      schema,
    };
  } catch (error) {
    // The error is not kept as a cause: some of them hold the URL, and with it the password.
    const message = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `the journal's URL can't be used: ${message}`);
  }
}

/**
 * Sets up a connection, whatever the server, the database or the role have as defaults: commits wait for the disk (and
 * for the standbys as far as the server is told to wait for any); a statement sees what others have committed; tables
 * that the planner believes to be small, since nobody has analysed them yet, are still read by their indexes; and no
 * statement is compiled (JIT): ours are short, and take less than their compilation, whatever the planner thinks. A
 * process that stands still within a transaction holds its locks no longer than a statement may run.
 */
export async function setUp(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query({
    text: `SELECT set_config('search_path', $1, false), set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),
      set_config('plan_cache_mode', 'force_generic_plan', false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('default_transaction_read_only', 'off', false),
      set_config('client_min_messages', 'warning', false),
      set_config('idle_in_transaction_session_timeout', $2, false),
      set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)`,
    values: [schema, String(statementTimeoutMs)],
  });
}

/** A connection outside the pool, set up. The caller ends it, and listens to its errors after that. */
export async function connect({ config, schema }: Connection): Promise<pg.Client> {
  const client = new pg.Client(config);
  // Without a listener the end of a connection would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await setUp(client, schema);
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw error;
  }
}

/**
 * A pool of connections. A connection on which anything failed is not used again.
 * @param size the most connections
 * @param onError told of connections that were lost while nobody used them
 */
export function createPool({ config, schema }: Connection, size: number, onError: (error: Error) => void): Database {
  const pool = new pg.Pool({ ...config, max: size, idleTimeoutMillis, onConnect: (client) => setUp(client, schema) });
  pool.on("error", (error) => {
    // pg-pool adds the client that was lost: pages of its insides in the log.
    Reflect.deleteProperty(error, "client");
    onError(error);
  });
  pool.on("connect", (client) => client.on("error", () => {}));
  let free = size;
  const waiting: (() => void)[] = [];

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    // They wait here, not in the pool: there the time to connect would run meanwhile.
    if (free === 0) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      free--;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        free++;
      } else {
        next();
      }
    }
  }

  return {
    query: <Row extends pg.QueryResultRow>(query: pg.QueryConfig) =>
      inTurn(async () => (await pool.query<Row>(query)).rows),
    transaction: (work) =>
      inTurn(async () => {
        const client = await pool.connect();
        try {
          await client.query("BEGIN");
          const result = await work(async (query) => (await client.query(query)).rows);
          await client.query("COMMIT");
          client.release();
          return result;
        } catch (error) {
          client.release(true); // Its end is the transaction's.
          throw error;
        }
      }),
    close: () => pool.end(),
  };
}
