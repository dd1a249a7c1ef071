import type pg from "pg";
import { SagaError } from "../../core/errors.js";
import { migrations } from "./schema.js";

/** Of the advisory lock that pods take while they look after the tables: "saga" in ASCII. */
const lockClass = 0x73616761;

/**
 * Brings the journal's tables to this version, or makes them. Several pods may do it at once.
 * @param client set up: its search path is the schema alone
 * @param steps as {@link migrations} are
 * @throws SagaError SAGA_JOURNAL_NEWER, SAGA_CONFIG_INVALID; errors of PostgreSQL
 */
export async function migrate(client: pg.Client, schema: string, steps = migrations): Promise<void> {
  // Where nothing is to be done, the role needs no right to change tables, and nobody waits for anybody.
  if ((await version(client, schema, steps.length)) === steps.length) {
    return;
  }
  await client.query("BEGIN");
  try {
    await client.query({ text: "SELECT pg_advisory_xact_lock($1, hashtext($2))", values: [lockClass, schema] });
    await migrateLocked(client, schema, steps);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

async function migrateLocked(client: pg.Client, schema: string, steps: readonly string[]): Promise<void> {
  const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (rows.length === 0) {
    await client.query(`CREATE SCHEMA "${schema}"`);
  }
  const from = await version(client, schema, steps.length);
  if (from === 0) {
    await expectNoTables(client, schema);
    await client.query(
      "CREATE TABLE schema_version (version integer PRIMARY KEY, migrated_at timestamptz NOT NULL DEFAULT now())",
    );
  }
  for (const [at, step] of steps.entries()) {
    if (at >= from) {
      await client.query(step);
      await client.query("INSERT INTO schema_version (version) VALUES ($1)", [at + 1]);
    }
  }
}

/** The version of the tables; 0 where there are none. @throws SagaError SAGA_JOURNAL_NEWER */
export async function version(client: pg.Client, schema: string, known: number): Promise<number> {
  const table = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_version'", [
    schema,
  ]);
  if (table.rows.length === 0) {
    return 0;
  }
  const { rows } = await client.query<{ version: number }>(
    "SELECT coalesce(max(version), 0)::integer AS version FROM schema_version",
  );
  const found = rows[0]?.version ?? 0;
  if (found > known) {
    throw new SagaError(
      "SAGA_JOURNAL_NEWER",
      `the journal's tables in schema "${schema}" have version ${found}, this protosaga knows up to ${known}. ` +
        "Run the newer protosaga that made them, or name another schema. The tables were not touched.",
    );
  }
  return found;
}

async function expectNoTables(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ tablename: string }>(
    "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename IN ('saga', 'record', 'message', 'pod', 'hand_over', 'schema_version')",
    [schema],
  );
  if (rows.length > 0) {
    const names = rows.map(({ tablename }) => tablename).join(", ");
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `schema "${schema}" holds tables that are not of a journal (${names}). Name another schema.`,
    );
  }
}
