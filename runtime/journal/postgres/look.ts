import { type InFlightRow, toInFlight } from "../in-flight.js";
import type { SagasInFlight } from "../journal.js";
import { connect, readConnection } from "./connect.js";
import { describeOpening } from "./errors.js";
import { version } from "./migrate.js";
import { inFlightQuery } from "./read.js";
import { migrations } from "./schema.js";

/** What a look found. */
export interface PostgresLook {
  /** Host, database and schema: for people. */
  readonly place: string;
  /** Undefined where the database holds no journal in this schema. */
  readonly inFlight: readonly SagasInFlight[] | undefined;
}

/**
 * What is in flight in a journal, in a read-only transaction: no lease is taken, and no table made or migrated.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE; none of them tells the password
 */
export async function lookAtPostgresJournal(url: string, schema: string): Promise<PostgresLook> {
  const connection = readConnection(url, "look", schema);
  const place = `schema ${schema} of ${connection.place}`;
  try {
    const client = await connect(connection);
    try {
      await client.query("BEGIN READ ONLY");
      const there = (await version(client, schema, migrations.length)) > 0;
      const inFlight = there ? toInFlight((await client.query<InFlightRow>(inFlightQuery)).rows) : undefined;
      return { place, inFlight };
    } finally {
      await client.end().catch(() => {});
    }
  } catch (error) {
    throw describeOpening(connection.place, error);
  }
}
