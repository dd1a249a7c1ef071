import { type InFlightRow, selectInFlight, toInFlight } from "../in-flight.js";
import type { SagasInFlight, StoredPhase, StoredSaga } from "../journal.js";
import { decodeAnswer } from "../record.js";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import type { Retry } from "./retry.js";

interface SagaRow {
  readonly record: Buffer;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Buffer;
  readonly phase: StoredPhase;
  readonly answer: Buffer | null;
}

// One statement: two could see two states of the saga.
const selectSaga = `
SELECT 0 AS seq, first_record AS record, facade, fingerprint, request, phase, answer FROM saga WHERE id = $1
UNION ALL
SELECT seq, record, NULL, NULL, NULL, NULL, NULL FROM record WHERE saga_id = $1
ORDER BY seq`;

// The phases stand in the text so that the partial indexes serve.
const selectIds = {
  open: "SELECT id FROM saga WHERE phase = 'open' AND owner = $1 ORDER BY created_at, id",
  stuck: "SELECT id FROM saga WHERE phase = 'stuck' AND owner = $1 ORDER BY created_at, id",
} as const;

/** The query for what is in flight. */
export const inFlightQuery = selectInFlight("round(extract(epoch FROM created_at) * 1000)");

/** What the journal is asked. */
export interface Reader {
  load(sagaId: string): Promise<StoredSaga | undefined>;
  list(phase: "open" | "stuck"): Promise<readonly string[]>;
  countOpen(facade: string): Promise<number>;
  inFlight(): Promise<readonly SagasInFlight[]>;
}

/** Reads what is committed. All methods reject with SagaError SAGA_JOURNAL_UNAVAILABLE. */
export function createReader(database: Database, retry: Retry, podId: string): Reader {
  async function read<Result>(query: () => Promise<Result>): Promise<Result> {
    try {
      return await retry.run(query);
    } catch (error) {
      throw unavailable("read", error);
    }
  }

  return {
    async load(sagaId) {
      if (sagaId.includes("\0")) {
        return undefined; // PostgreSQL has no such text, and so no such saga.
      }
      const query = { name: "load", text: selectSaga, values: [sagaId] };
      const rows = await read(() => database.query<SagaRow>(query));
      try {
        return toSaga(sagaId, rows);
      } catch (error) {
        throw unavailable("read", error);
      }
    },
    async list(phase) {
      const query = { text: selectIds[phase], values: [podId] };
      const rows = await read(() => database.query<{ id: string }>(query));
      return rows.map(({ id }) => id);
    },
    async countOpen(facade) {
      const text = "SELECT count(*) AS open FROM saga WHERE phase = 'open' AND facade = $1";
      const rows = await read(() => database.query<{ open: string }>({ name: "count", text, values: [facade] }));
      return Number(rows[0]?.open ?? 0);
    },
    async inFlight() {
      return toInFlight(await read(() => database.query<InFlightRow>({ text: inFlightQuery })));
    },
  };
}

function toSaga(sagaId: string, [first, ...later]: readonly SagaRow[]): StoredSaga | undefined {
  // Records without a saga would be an entry of one that nobody made.
  if (first?.facade === undefined || first.facade === null) {
    return undefined;
  }
  const { facade, fingerprint, request, phase, answer } = first;
  return {
    sagaId,
    facade,
    fingerprint,
    request,
    phase,
    answer: answer === null ? undefined : decodeAnswer(answer),
    records: [first.record, ...later.map(({ record }) => record)],
  };
}
