/**
 * The journal's tables as steps, each run once, in this order: step n makes schema version n + 1 of version n. Forward
 * only: a step that was released never changes, and must leave tables that the version before it can work with, since
 * its pods still run while a new one starts.
 */
export const migrations: readonly string[] = [
  // A saga's first record stands in its own row: the common short saga then needs one insert less.
  // `writer` names the one call that wrote a row: where a connection dies, it tells whether that call's commit got through.
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
  // Who lives: a pod that has not said so for a lease has left its sagas to the others.
  "CREATE TABLE pod (id text PRIMARY KEY, beat_at timestamptz NOT NULL)",
  // Which sagas have ended, and when: for their removal. An operator may have made it before, while pods ran (docs/how-to/use-postgresql.md).
  "CREATE INDEX IF NOT EXISTS saga_ended ON saga (ended_at) WHERE ended_at IS NOT NULL",
  // Which pods are silent: each sweep asks.
  "CREATE INDEX pod_beat ON pod (beat_at)",
  // Messages that a pod is to handle, since the pod that received them can't. Each pod polls its own.
  `CREATE TABLE hand_over (pod text NOT NULL, saga text COLLATE "C" NOT NULL, topic text NOT NULL, PRIMARY KEY (pod, saga, topic))`,
];
