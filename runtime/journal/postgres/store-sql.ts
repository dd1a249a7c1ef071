/**
 * Stores a batch of entries, each of another saga, in one statement, which is one round trip and one transaction. An
 * entry whose saga, or whose number, is there already is left out, and a later one of a saga that was removed; so are its
 * messages. Each CTE sees the tables as they were before the statement, so that no two entries of one saga may be in it.
 *
 * A later entry locks its saga's row against removal, or waits for one that is under way: else its record would be left
 * without a saga, and a hole in the next one of that id. Removal and takeover skip what is locked, and so wait for nobody.
 *
 * Rows are inserted in the order of saga ids: two pods that insert the same ids then wait for each other in one order.
 */
export const storeEntries = `
WITH incoming AS MATERIALIZED (
  SELECT * FROM unnest($2::text[], $3::integer[], $4::bytea[], $5::text[], $6::bytea[], $7::uuid[],
    $8::text[], $9::text[], $10::bytea[])
  AS entry (saga_id, seq, record, phase, answer, writer, facade, fingerprint, request)
), created AS (
  INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, owner, writer, ended_at)
  SELECT saga_id, facade, fingerprint, request, record, phase, answer, $1, writer,
    CASE WHEN phase IN ('completed', 'compensated') THEN clock_timestamp() END
  FROM incoming WHERE facade IS NOT NULL ORDER BY saga_id
  ON CONFLICT DO NOTHING RETURNING writer
), appended AS (
  INSERT INTO record (saga_id, seq, record, writer)
  SELECT saga_id, seq, incoming.record, incoming.writer FROM incoming JOIN saga ON saga.id = saga_id
  WHERE incoming.facade IS NULL ORDER BY saga_id FOR KEY SHARE OF saga
  ON CONFLICT DO NOTHING RETURNING writer
), moved AS (
  UPDATE saga SET phase = incoming.phase, answer = coalesce(incoming.answer, saga.answer), owner = $1,
    ended_at = CASE WHEN incoming.phase IN ('completed', 'compensated') THEN clock_timestamp() END
  FROM appended JOIN incoming USING (writer)
  WHERE saga.id = incoming.saga_id
    AND (incoming.phase <> saga.phase OR incoming.answer IS NOT NULL OR saga.owner <> $1)
), stored AS (
  SELECT writer FROM created UNION ALL SELECT writer FROM appended
), sent AS (
  INSERT INTO message (topic, key, body, owner, writer)
  SELECT topic, key, body, $1, writer
  FROM unnest($11::uuid[], $12::text[], $13::text[], $14::bytea[]) WITH ORDINALITY AS letter (writer, topic, key, body, place)
  JOIN stored USING (writer) ORDER BY place
  RETURNING id, writer
)
SELECT writer, sent.id FROM stored LEFT JOIN sent USING (writer) ORDER BY id`;

/** Which of these calls have stored an entry. */
export const findWriters = `
SELECT saga.writer FROM unnest($1::text[], $2::uuid[]) AS asked (id, writer) JOIN saga USING (id, writer)
UNION ALL
SELECT record.writer FROM unnest($1::text[], $2::uuid[], $3::integer[]) AS asked (saga_id, writer, seq)
JOIN record USING (saga_id, seq, writer)`;

/** The messages that these calls have stored, and that nobody has taken care of yet. */
export const findSent = `
SELECT writer, id, topic, key, body FROM message
WHERE owner = $1 AND writer = ANY ($2::uuid[]) AND dead_reason IS NULL ORDER BY id`;
