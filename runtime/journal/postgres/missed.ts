import type pg from "pg";

/** What may have been missed. */
export interface Missed {
  /** The sagas to look at. */
  readonly heeded: Iterable<string>;
  /** Until then nothing was missed: a time of the database's clock, as its text. */
  readonly since: string;
  /** Of this process's own writes. */
  readonly prefix: string;
}

/** How many sagas are looked at, at a time: few enough that one look takes some milliseconds. */
const pageSize = 500;
/** How much further back than the last sign of life we look: a row is older than its commit, and its notice later, s. */
const marginS = 15;

// By the ids, whose number is what this process has in hand: what was written meanwhile may be without bound, and a look at
// all of it would take the longer the longer it was not had. What has no later entry may have begun meanwhile.
// OFFSET 0 keeps the planner from reading the other way round.
const selectMoved = `
SELECT id FROM unnest($1::text[]) AS asked (id)
WHERE EXISTS (
  SELECT FROM record WHERE saga_id = asked.id
    AND written_at >= $2::timestamptz - make_interval(secs => $3) AND left(writer::text, 18) <> $4 OFFSET 0
) OR EXISTS (
  SELECT FROM saga WHERE saga.id = asked.id
    AND created_at >= $2::timestamptz - make_interval(secs => $3) AND left(writer::text, 18) <> $4 OFFSET 0
)`;

/** Finds which sagas others have written to since, a page at a time: between two pages other work has its turn. */
export async function* findMissed(
  client: pg.Client,
  { heeded, since, prefix }: Missed,
): AsyncGenerator<string[], void> {
  // PostgreSQL has no text with a NUL, and so no such saga.
  const ids = [...heeded].filter((id) => !id.includes("\0"));
  for (let at = 0; at < ids.length; at += pageSize) {
    const values = [ids.slice(at, at + pageSize), since, marginS, prefix];
    const { rows } = await client.query<{ id: string }>({ name: "missed", text: selectMoved, values });
    if (rows.length > 0) {
      yield rows.map(({ id }) => id);
    }
  }
}
