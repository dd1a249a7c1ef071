import { selectInFlight } from "../in-flight.js";

/** A statement. By its name, PostgreSQL parses and plans it once for each connection. */
export interface Sql {
  readonly name: string;
  readonly text: string;
}

/**
 * Makes the commit of the statement wait for the disk, and for the standbys that the server is configured to wait for,
 * whatever the defaults of the server, the database or the role are. In the statement itself, since a session may not
 * keep settings.
 */
const durably = `set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)`;

/**
 * All statements of the adapter but those of migrations. Times are the database's. They compare with
 * `statement_timestamp()`, since an index can't be used for a time that changes during the statement.
 * @param schema the journal's schema
 */
export function statements(schema: string) {
  const [saga, record, message, pod, handOver] = ["saga", "record", "message", "pod", "hand_over"].map(
    (table) => `"${schema}".${table}`,
  );
  /** The pods whose lease has expired. @param leaseS the number of the parameter for the lease, seconds */
  const expired = (leaseS: number) =>
    `SELECT id FROM ${pod} WHERE beat_at < statement_timestamp() - make_interval(secs => $${leaseS})`;

  const texts = {
    /**
     * Stores a batch of entries, each of another saga, in one statement: one round trip and one transaction. An entry
     * whose saga or number exists is left out with its messages, and so is a later one of a saga that was removed. Each
     * CTE sees the tables as they were before the statement, so no two entries of one saga may be in it.
     *
     * A later entry locks its saga's row against removal, or waits for a removal in progress: otherwise its record
     * would be left without a saga. Removal and takeover skip locked rows, and so wait for nobody.
     *
     * Rows are inserted in the order of saga ids: two pods that insert the same ids then wait for each other in one
     * order.
     */
    store: `
WITH incoming AS MATERIALIZED (
  SELECT * FROM unnest($2::text[], $3::integer[], $4::bytea[], $5::text[], $6::bytea[], $7::uuid[],
    $8::text[], $9::text[], $10::bytea[])
  AS entry (saga_id, seq, record, phase, answer, writer, facade, fingerprint, request)
), created AS (
  INSERT INTO ${saga} (id, facade, fingerprint, request, first_record, phase, answer, owner, writer, ended_at)
  SELECT saga_id, facade, fingerprint, request, record, phase, answer, $1, writer,
    CASE WHEN phase IN ('completed', 'compensated') THEN clock_timestamp() END
  FROM incoming WHERE facade IS NOT NULL ORDER BY saga_id
  ON CONFLICT DO NOTHING RETURNING writer
), appended AS (
  INSERT INTO ${record} (saga_id, seq, record, writer)
  SELECT saga_id, seq, incoming.record, incoming.writer FROM incoming JOIN ${saga} AS saga ON saga.id = saga_id
  WHERE incoming.facade IS NULL ORDER BY saga_id FOR KEY SHARE OF saga
  ON CONFLICT DO NOTHING RETURNING writer
), moved AS (
  UPDATE ${saga} AS saga SET phase = incoming.phase, answer = coalesce(incoming.answer, saga.answer), owner = $1,
    ended_at = CASE WHEN incoming.phase IN ('completed', 'compensated') THEN clock_timestamp() END
  FROM appended JOIN incoming USING (writer)
  WHERE saga.id = incoming.saga_id
    AND (incoming.phase <> saga.phase OR incoming.answer IS NOT NULL OR saga.owner <> $1)
), stored AS (
  SELECT writer FROM created UNION ALL SELECT writer FROM appended
), sent AS (
  INSERT INTO ${message} (topic, key, body, owner, writer)
  SELECT topic, key, body, $1, writer
  FROM unnest($11::uuid[], $12::text[], $13::text[], $14::bytea[]) WITH ORDINALITY AS letter (writer, topic, key, body, place)
  JOIN stored USING (writer) ORDER BY place
  RETURNING id, writer
)
SELECT writer, sent.id, (SELECT ${durably}) AS durable FROM stored LEFT JOIN sent USING (writer) ORDER BY id`,

    /** Which of these calls have stored an entry. */
    findWriters: `
SELECT saga.writer FROM unnest($1::text[], $2::uuid[]) AS asked (id, writer) JOIN ${saga} AS saga USING (id, writer)
UNION ALL
SELECT record.writer FROM unnest($1::text[], $2::uuid[], $3::integer[]) AS asked (saga_id, writer, seq)
JOIN ${record} AS record USING (saga_id, seq, writer)`,

    /** The pending messages that these calls have stored. */
    findSent: `
SELECT writer, id, topic, key, body FROM ${message}
WHERE owner = $1 AND writer = ANY ($2::uuid[]) AND dead_reason IS NULL ORDER BY id`,

    /** Reads sagas with their records, in one statement: two could see different states of a saga. */
    load: `
SELECT id, 0 AS seq, first_record AS record, facade, fingerprint, request, phase, answer, owner
FROM ${saga} WHERE id = ANY ($1)
UNION ALL
SELECT saga_id, seq, record, NULL, NULL, NULL, NULL, NULL, NULL FROM ${record} WHERE saga_id = ANY ($1)
ORDER BY id, seq`,

    // The phases are literals so that the partial indexes are used.
    listOpen: `SELECT id FROM ${saga} WHERE phase = 'open' AND owner = $1 ORDER BY created_at, id`,
    /** Of all owners: theirs may never come back. */
    listStuck: `SELECT id FROM ${saga} WHERE phase = 'stuck' ORDER BY created_at, id`,
    countOpen: `SELECT count(*) AS open FROM ${saga} WHERE phase = 'open' AND facade = $1`,
    inFlight: selectInFlight("round(extract(epoch FROM created_at) * 1000)", saga),

    /**
     * A page of idle sagas. The open ones are found first, so that no plan reads all sagas in the order of their ids;
     * they are sorted before their last records are read, so that a page reads no more than it returns.
     */
    listIdle: `
WITH mine AS MATERIALIZED (
  SELECT id, created_at FROM ${saga}
  WHERE phase = 'open' AND owner = $1 AND created_at <= statement_timestamp() - make_interval(secs => $2)
)
SELECT id, coalesce(last.seq, 0) + 1 AS entries
FROM (SELECT * FROM mine WHERE id > $4 ORDER BY id OFFSET 0) AS page
LEFT JOIN LATERAL (
  SELECT seq, written_at FROM ${record} WHERE saga_id = page.id ORDER BY seq DESC LIMIT 1
) AS last ON true
WHERE coalesce(last.written_at, created_at) <= statement_timestamp() - make_interval(secs => $2)
ORDER BY id LIMIT $3`,

    /**
     * Finds and locks sagas that ended long enough ago, oldest first, except those that another transaction has locked.
     */
    lockEnded: `
SELECT id FROM ${saga} WHERE ended_at IS NOT NULL AND ended_at <= statement_timestamp() - make_interval(secs => $1)
ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    /**
     * Removes locked sagas with their records. A separate statement: one that also took the locks would see the
     * records as they were before, and leave those that a late entry stored meanwhile.
     */
    removeLocked: `
WITH removed AS (
  DELETE FROM ${record} WHERE saga_id = ANY ($1::text[])
)
DELETE FROM ${saga} WHERE id = ANY ($1::text[])`,

    pending: `SELECT id, topic, key, body FROM ${message} WHERE owner = $1 AND dead_reason IS NULL ORDER BY id`,
    removeMessages: `DELETE FROM ${message} WHERE id = ANY ($1::bigint[])`,
    /** If an attempt was committed although its connection died, the next one finds its row. */
    addDeadLetter: `
WITH durable AS MATERIALIZED (SELECT ${durably})
INSERT INTO ${message} (topic, key, body, owner, writer, dead_reason)
SELECT $1::text || '.dead-letter', $2, $3, $4, $5, $6 FROM durable
ON CONFLICT (writer) WHERE dead_reason IS NOT NULL DO NOTHING`,
    deadLetters: `
SELECT id, topic, key, body, dead_reason AS reason FROM ${message}
WHERE topic = $1::text || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id`,

    heartbeat: `
INSERT INTO ${pod} (id, beat_at) VALUES ($1, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()
RETURNING extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`,
    /** The last heartbeat of a pod whose lease has not expired. */
    lastHeartbeat: `
SELECT beat_at::text AS beat FROM ${pod} WHERE id = $1 AND beat_at > clock_timestamp() - make_interval(secs => $2)`,
    /** Dates the last heartbeat of a pod that leaves back, so that others need not wait for the end of its lease. */
    leave: `UPDATE ${pod} SET beat_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1`,

    /** Takes over open sagas of expired pods, and those that were released, which have no owner. */
    takeOver: `
WITH gone AS (SELECT '' AS id UNION ALL ${expired(2)}), left_behind AS (
  SELECT saga.id FROM ${saga} AS saga JOIN gone ON saga.owner = gone.id
  WHERE saga.phase = 'open' AND saga.fingerprint = ANY($3) LIMIT $4 FOR UPDATE OF saga SKIP LOCKED
)
UPDATE ${saga} AS saga SET owner = $1 FROM left_behind WHERE saga.id = left_behind.id RETURNING saga.id`,
    takeMessages: `
UPDATE ${message} SET owner = $1 WHERE dead_reason IS NULL AND owner IN (${expired(2)})
RETURNING id`,
    release: `UPDATE ${saga} SET owner = '' WHERE phase = 'open' AND owner = $1 AND fingerprint <> ALL ($2::text[])`,

    /** Removes pods that expired long ago and own nothing. What each owns is looked up for those alone (`OFFSET 0`). */
    removePods: `
DELETE FROM ${pod} AS pod WHERE beat_at < statement_timestamp() - make_interval(secs => $1)
  AND NOT EXISTS (SELECT 1 FROM ${saga} WHERE phase = 'open' AND owner = pod.id OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM ${message} WHERE dead_reason IS NULL AND owner = pod.id OFFSET 0)`,

    handOver: `
INSERT INTO ${handOver} (pod, saga, topic) SELECT owner, id, $2 FROM ${saga}
WHERE id = $1 AND phase = 'open' AND owner <> '' ON CONFLICT DO NOTHING`,
    takeHandOvers: `DELETE FROM ${handOver} WHERE pod = $1 RETURNING saga, topic`,
    /** Removes what was handed over to expired pods: the servers that take their sagas over recover them. */
    removeHandOvers: `DELETE FROM ${handOver} WHERE pod IN (${expired(1)})`,

    /** The number of the last entry of each of some sagas. */
    lastEntries: `
SELECT id, coalesce((SELECT max(seq) FROM ${record} WHERE saga_id = saga.id), 0)::integer AS last
FROM ${saga} AS saga WHERE id = ANY ($1)`,
  };
  const named = Object.entries(texts).map(([name, text]): [string, Sql] => [name, { name, text }]);
  return Object.fromEntries(named) as { readonly [Name in keyof typeof texts]: Sql };
}

/** The adapter's statements. */
export type Statements = ReturnType<typeof statements>;
