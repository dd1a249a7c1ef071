import { join } from "node:path";
import Database from "libsql";
import pg from "pg";
import {
  type Awaitable,
  type Barrier,
  type BarrierDriver,
  createBarrier,
  memoryDriver,
  type PostgresDriverOptions,
  postgresDriver,
  type SqliteDatabase,
  type SqliteStatement,
  sqliteDriver,
} from "protosaga/upstream";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../../support/postgres.js";
import type { Scope } from "../../support/scope.js";

/** An effect: committed by a handler, one entry for each time. */
export interface Effect {
  readonly key: string;
  readonly kind: string;
}

/** A barrier on a real database, with a table in which handlers leave their effects. */
export interface Place<Tx> {
  readonly barrier: Barrier<Tx>;
  readonly driver: BarrierDriver<Tx>;
  /** Writes an effect inside the transaction. */
  note(tx: Tx, effect: Effect): Awaitable<unknown>;
  /** A statement that the database refuses. */
  breakStatement(tx: Tx): Awaitable<unknown>;
  /** All committed effects. */
  effects(): Promise<readonly Effect[]>;
  /** The keys that have a row. */
  keys(): Promise<readonly string[]>;
  /** Makes all rows older. */
  age(byMs: number): Awaitable<unknown>;
}

/** Opens a place, which the scope closes. */
export type OpenPlace<Tx> = (scope: Scope) => Promise<Place<Tx>>;

/** A database that effects can be read from in one way, whichever package it is of. */
export interface SqlDatabase extends SqliteDatabase {
  prepare(sql: string): SqliteStatement & { all(...values: never[]): unknown[] };
  close(): unknown;
}

/** A place on SQLite. @param open opens a file with a package of SQLite's */
export const sqlitePlace =
  (open: (path: string) => SqlDatabase): OpenPlace<SqliteDatabase> =>
  async (scope) => {
    const db = scope.use(open(join(scope.tempDir(), "upstream.db")));
    db.exec("PRAGMA journal_mode = WAL; CREATE TABLE effects (key TEXT NOT NULL, kind TEXT NOT NULL)");
    const driver = sqliteDriver<SqliteDatabase>(db);
    const rows = <Row>(sql: string) => db.prepare(sql).all() as Row[];
    return {
      barrier: createBarrier(driver),
      driver,
      note: (tx, { key, kind }) => tx.prepare("INSERT INTO effects VALUES (?, ?)").run(key, kind),
      breakStatement: (tx) => tx.exec("INSERT INTO effects VALUES (NULL, NULL)"),
      effects: async () =>
        rows<Effect>("SELECT key, kind FROM effects ORDER BY rowid").map(({ key, kind }) => ({ key, kind })),
      keys: async () => rows<{ key: string }>("SELECT key FROM saga_barriers ORDER BY 1").map(({ key }) => key),
      age: (byMs) => db.prepare("UPDATE saga_barriers SET created_at = created_at - ?").run(byMs / 1000),
    };
  };

/** libsql, as the journal uses it. */
export const libsqlPlace = sqlitePlace((path) => new Database(path, { timeout: 5000 }));

/** A place on PostgreSQL, in its own schema. */
export const postgresPlace =
  (options: PostgresDriverOptions = {}, poolSize = 4): OpenPlace<pg.PoolClient> =>
  async (scope) => {
    const { pool, schema } = await openPool(scope, poolSize);
    await pool.query("CREATE TABLE effects (number bigserial, key text NOT NULL, kind text NOT NULL)");
    const driver = postgresDriver(pool, { table: `${schema}.saga_barriers`, ...options });
    await driver.createTable();
    const rows = async <Row extends pg.QueryResultRow>(sql: string) => (await pool.query<Row>(sql)).rows;
    return {
      barrier: createBarrier(driver),
      driver,
      note: (tx, { key, kind }) => tx.query("INSERT INTO effects (key, kind) VALUES ($1, $2)", [key, kind]),
      breakStatement: (tx) => tx.query("INSERT INTO effects (key, kind) VALUES (NULL, NULL)"),
      effects: () => rows<Effect & pg.QueryResultRow>("SELECT key, kind FROM effects ORDER BY number"),
      keys: async () => (await rows<{ key: string }>("SELECT key FROM saga_barriers ORDER BY 1")).map(({ key }) => key),
      age: (byMs) => pool.query("UPDATE saga_barriers SET created_at = created_at - $1 * interval '1 ms'", [byMs]),
    };
  };

/** A pool whose connections use a fresh schema. @param url another server than the one that tests share */
export async function openPool(
  scope: Scope,
  max: number,
  url?: string,
  config: pg.PoolConfig = {},
): Promise<{ pool: pg.Pool; schema: string }> {
  const schema = freshSchema();
  const connectionString = url ?? (await postgresUrl());
  await runSql(connectionString, `CREATE SCHEMA ${schema}`);
  if (url === undefined) scope.defer(() => dropSchema(schema));
  const pool = new pg.Pool({
    connectionString,
    max,
    options: `-c search_path=${schema} -c client_min_messages=warning`,
    ...config,
  });
  pool.on("error", () => {});
  scope.defer(() => pool.end());
  return { pool, schema };
}

/** A place in memory. */
export const memoryPlace =
  (step?: () => Promise<void> | void): OpenPlace<{ onCommit(change: () => void): void }> =>
  async () => {
    const effects: Effect[] = [];
    let clock = Date.now();
    const driver = memoryDriver({ ...(step === undefined ? {} : { step }), now: () => clock });
    return {
      barrier: createBarrier(driver),
      driver,
      note: (tx, effect) => tx.onCommit(() => effects.push(effect)),
      breakStatement: () => {
        throw new Error("refused");
      },
      effects: async () => [...effects],
      keys: async () => [...driver.rows.keys()].sort(),
      age: (byMs) => {
        clock += byMs;
      },
    };
  };
