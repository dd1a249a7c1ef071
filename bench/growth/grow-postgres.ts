import pg from "pg";
import { openPostgresJournal } from "protosaga";
import { note } from "../support/rounds.js";
import { seconds } from "./grow-sqlite.js";
import { type Row, rowsOf, type Size } from "./rows.js";

const batch = 5_000;

const insertSagas = `
INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, answer, owner, writer, created_at, ended_at)
SELECT id, facade, fingerprint, request, first_record, phase, answer, $10, gen_random_uuid(),
  to_timestamp(created / 1000), to_timestamp(ended / 1000)
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::text[], $7::bytea[], $8::float8[], $9::float8[])
  AS saga (id, facade, fingerprint, request, first_record, phase, answer, created, ended)`;

const insertRecords = `
INSERT INTO record (saga_id, seq, record, writer, written_at)
SELECT saga_id, seq, record, gen_random_uuid(), to_timestamp(written / 1000)
FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::float8[]) AS record (saga_id, seq, record, written)`;

/** Fills a schema with a journal of this size. @param podId whose the open sagas are */
export async function growPostgres(url: string, schema: string, podId: string, size: Size): Promise<void> {
  const began = performance.now();
  await (await openPostgresJournal({ url, schema, podId })).close();
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`SET search_path = ${schema}; SET synchronous_commit = off`);
    let rows: Row[] = [];
    for (const row of rowsOf(size, Date.now())) {
      rows.push(row);
      if (rows.length === batch) {
        await store(client, rows, podId);
        rows = [];
      }
    }
    await store(client, rows, podId);
    await client.query("VACUUM (ANALYZE, FREEZE)");
  } finally {
    await client.end();
  }
  note(`PostgreSQL: ${size.finished} finished and ${size.open} open sagas made in ${seconds(began)} s`);
}

async function store(client: pg.Client, rows: readonly Row[], podId: string): Promise<void> {
  const of = <Value>(column: (row: Row) => Value) => rows.map(column);
  const first = of(({ records }) => records[0]);
  const values = [
    of(({ id }) => id),
    of(({ facade }) => facade),
    of(({ fingerprint }) => fingerprint),
    of(({ request }) => request),
    first,
    of(({ phase }) => phase),
    of(({ answer }) => answer),
    of(({ createdAtMs }) => createdAtMs),
    of(({ endedAtMs }) => endedAtMs),
  ];
  await client.query(insertSagas, [...values, podId]);
  const later = rows.flatMap(({ id, records, createdAtMs }) =>
    records.slice(1).map((record, at) => ({ id, seq: at + 1, record, createdAtMs })),
  );
  await client.query(insertRecords, [
    later.map(({ id }) => id),
    later.map(({ seq }) => seq),
    later.map(({ record }) => record),
    later.map(({ createdAtMs }) => createdAtMs),
  ]);
}
