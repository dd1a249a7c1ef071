import { type InFlightRow, selectInFlight, toInFlight } from "../in-flight.js";
import type { SagasInFlight, StoredPhase, StoredSaga } from "../journal.js";
import { decodeAnswer } from "../record.js";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import type { Retry } from "./retry.js";

interface SagaRow {
  readonly id: string;
  readonly record: Buffer;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Buffer;
  readonly phase: StoredPhase;
  readonly answer: Buffer | null;
  readonly owner: string;
}

/** Reads sagas with their records. One statement: two could see two states of a saga. */
export const selectSagas = `
SELECT id, 0 AS seq, first_record AS record, facade, fingerprint, request, phase, answer, owner FROM saga WHERE id = ANY ($1)
UNION ALL
SELECT saga_id, seq, record, NULL, NULL, NULL, NULL, NULL, NULL FROM record WHERE saga_id = ANY ($1)
ORDER BY id, seq`;

/** Lists what has not ended. The phases stand in the text so that the partial indexes serve. */
export const selectIds = {
  open: "SELECT id FROM saga WHERE phase = 'open' AND owner = $1 ORDER BY created_at, id",
  // Whatever the pod that had it: that may never come back.
  stuck: "SELECT id FROM saga WHERE phase = 'stuck' ORDER BY created_at, id",
} as const;

/** Counts a facade's open sagas. */
export const countOpen = "SELECT count(*) AS open FROM saga WHERE phase = 'open' AND facade = $1";
/** The query for what is in flight. */
export const inFlightQuery = selectInFlight("round(extract(epoch FROM created_at) * 1000)");

/** What the journal is asked. */
export interface Reader {
  load(sagaId: string): Promise<StoredSaga | undefined>;
  loadMany(sagaIds: readonly string[]): Promise<readonly StoredSaga[]>;
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

  async function loadMany(sagaIds: readonly string[]): Promise<readonly StoredSaga[]> {
    // PostgreSQL has no text with a NUL, and so no such saga.
    const query = { name: "load", text: selectSagas, values: [sagaIds.filter((id) => !id.includes("\0"))] };
    const rows = await read(() => database.query<SagaRow>(query));
    try {
      return [...groupBy(rows)].map(([, rows]) => toSaga(rows, podId)).filter((stored) => stored !== undefined);
    } catch (error) {
      throw unavailable("read", error);
    }
  }

  return {
    async load(sagaId) {
      const [stored] = await loadMany([sagaId]);
      return stored;
    },
    loadMany,
    async list(phase) {
      const query = { text: selectIds[phase], values: phase === "open" ? [podId] : [] };
      const rows = await read(() => database.query<{ id: string }>(query));
      return rows.map(({ id }) => id);
    },
    async countOpen(facade) {
      const query = { name: "count", text: countOpen, values: [facade] };
      const rows = await read(() => database.query<{ open: string }>(query));
      return Number(rows[0]?.open ?? 0);
    },
    async inFlight() {
      return toInFlight(await read(() => database.query<InFlightRow>({ text: inFlightQuery })));
    },
  };
}

function groupBy(rows: readonly SagaRow[]): ReadonlyMap<string, SagaRow[]> {
  const bySaga = new Map<string, SagaRow[]>();
  for (const row of rows) {
    const known = bySaga.get(row.id);
    if (known === undefined) {
      bySaga.set(row.id, [row]);
    } else {
      known.push(row);
    }
  }
  return bySaga;
}

function toSaga([first, ...later]: readonly SagaRow[], podId: string): StoredSaga | undefined {
  // Records without a saga would be an entry of one that nobody made.
  if (first?.facade === undefined || first.facade === null) {
    return undefined;
  }
  const { facade, fingerprint, request, phase, answer } = first;
  return {
    sagaId: first.id,
    facade,
    fingerprint,
    request,
    phase,
    answer: answer === null ? undefined : decodeAnswer(answer),
    records: [first.record, ...later.map(({ record }) => record)],
    ownedHere: first.owner === podId,
  };
}
