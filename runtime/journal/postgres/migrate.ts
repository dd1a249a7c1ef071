import type pg from "pg";
import { SagaError } from "../../core/errors.js";

/**
 * The journal's tables as steps, each run once, in this order: step n makes schema version n + 1 of version n. Forward
 * only. A released step never changes, and leaves tables that the version before it can work with: its pods still run
 * while a new one starts.
 */
export const migrations: readonly string[] = [
  // A saga's first record is in its own row: the common short saga then needs one insert less.
  // `writer` identifies the call that wrote a row: if a connection dies, it shows whether that call was committed.
  `
  CREATE TABLE saga (
    id text COLLATE "C" PRIMARY KEY,
    facade text NOT NULL,
    fingerprint text NOT NULL,
    request bytea NOT NULL,
    first_record bytea NOT NULL,
    phase text NOT NULL,
    answer bytea,
    owner text NOT NULL,
    writer uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
  );
  CREATE INDEX saga_open ON saga (facade, owner) WHERE phase = 'open';
  CREATE INDEX saga_stuck ON saga (owner) WHERE phase = 'stuck';
  CREATE TABLE record (
    saga_id text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    record bytea NOT NULL,
    writer uuid NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (saga_id, seq)
  );
  CREATE INDEX record_written ON record (written_at);
  CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    body bytea NOT NULL,
    owner text NOT NULL,
    writer uuid NOT NULL,
    dead_reason text
  );
  CREATE INDEX message_pending ON message (owner, id) WHERE dead_reason IS NULL;
  CREATE INDEX message_dead ON message (topic, id) WHERE dead_reason IS NOT NULL;
  CREATE UNIQUE INDEX message_buried_once ON message (writer) WHERE dead_reason IS NOT NULL;
  `,
  // The pods with their last heartbeats: a pod's lease expires without one.
  "CREATE TABLE pod (id text PRIMARY KEY, beat_at timestamptz NOT NULL)",
  // Finds the sagas to remove. An operator may have created it before, while pods ran (docs/journal.md).
  "CREATE INDEX IF NOT EXISTS saga_ended ON saga (ended_at) WHERE ended_at IS NOT NULL",
  // Finds expired pods.
  "CREATE INDEX pod_beat ON pod (beat_at)",
  // Messages that a pod is to handle, since the pod that received them can't. Each pod polls its own.
  // Entries are polled by saga id: nothing needs the index on their times any more.
  `
  CREATE TABLE hand_over (
    pod text NOT NULL,
    saga text COLLATE "C" NOT NULL,
    topic text NOT NULL,
    PRIMARY KEY (pod, saga, topic)
  );
  DROP INDEX record_written;
  `,
];

/** The class of the advisory lock that pods hold while they migrate: "saga" in ASCII. */
const lockClass = 0x73616761;

/**
 * Creates the journal's tables, or migrates them to this version. Several pods may do it at once.
 * @param steps as {@link migrations}
 * @throws SagaError SAGA_JOURNAL_NEWER, SAGA_CONFIG_INVALID; errors of PostgreSQL
 */
export async function migrate(client: pg.Client, schema: string, steps = migrations): Promise<void> {
  // If nothing is to be done, the role needs no right to change tables, and no pod waits for another.
  if ((await schemaVersion(client, schema, steps.length)) === steps.length) {
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

/** The version of the tables; 0 if there are none. @throws SagaError SAGA_JOURNAL_NEWER */
export async function schemaVersion(client: pg.Client, schema: string, known: number): Promise<number> {
  const text = "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_version'";
  const table = await client.query(text, [schema]);
  if (table.rows.length === 0) {
    return 0;
  }
  const { rows } = await client.query<{ version: number }>(
    `SELECT coalesce(max(version), 0)::integer AS version FROM "${schema}".schema_version`,
  );
  const found = rows[0]?.version ?? 0;
  if (found > known) {
    throw new SagaError(
      "SAGA_JOURNAL_NEWER",
      `the journal's tables in schema "${schema}" have version ${found}, this protosaga knows up to ${known}. ` +
        "Run the newer protosaga that made them, or set another schema. The tables were not touched.",
    );
  }
  return found;
}

async function migrateLocked(client: pg.Client, schema: string, steps: readonly string[]): Promise<void> {
  const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (rows.length === 0) {
    await client.query(`CREATE SCHEMA "${schema}"`);
  }
  await client.query(`SET LOCAL search_path = "${schema}"`);
  const from = await schemaVersion(client, schema, steps.length);
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

async function expectNoTables(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ tablename: string }>(
    `SELECT tablename FROM pg_tables WHERE schemaname = $1
     AND tablename IN ('saga', 'record', 'message', 'pod', 'hand_over', 'schema_version')`,
    [schema],
  );
  if (rows.length > 0) {
    const names = rows.map(({ tablename }) => tablename).join(", ");
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `schema "${schema}" has tables that don't belong to a journal (${names}). Set another schema.`,
    );
  }
}
