import type { SagasInFlight } from "./journal.js";

/** How many saga ids are listed for each structure. */
const maxIds = 5;

/** One of the oldest sagas of a structure, with figures about all of the structure. */
export interface InFlightRow {
  readonly id: string;
  readonly facade: string;
  readonly fingerprint: string;
  /** How many of the structure have not ended, stuck ones included. */
  readonly sagas: number | string;
  readonly stuck: number | string;
  /** When this one began, ms since the Unix epoch. */
  readonly createdMs: number | string;
}

/**
 * The query for the rows above, those of each structure from the oldest on, in SQL that SQLite and PostgreSQL share.
 * @param created an expression: when a saga began, ms since the Unix epoch
 * @param saga the table
 */
export function selectInFlight(created: string, saga = "saga"): string {
  // The phase appears twice so that both databases use their partial indexes.
  const inPhase = (phase: "open" | "stuck") =>
    `SELECT id, facade, fingerprint, phase, ${created} AS created FROM ${saga}
    WHERE phase = '${phase}' AND phase IN ('open', 'stuck')`;
  return `
SELECT id, facade, fingerprint, sagas, stuck, created AS "createdMs" FROM (
  SELECT id, facade, fingerprint, created, count(*) OVER structure AS sagas,
    sum(CASE WHEN phase = 'stuck' THEN 1 ELSE 0 END) OVER structure AS stuck,
    row_number() OVER (PARTITION BY facade, fingerprint ORDER BY created, id) AS place
  FROM (${inPhase("open")} UNION ALL ${inPhase("stuck")}) AS unended
  WINDOW structure AS (PARTITION BY facade, fingerprint)
) AS counted WHERE place <= ${maxIds} ORDER BY facade, fingerprint, place`;
}

/** Groups the rows by structure. */
export function toInFlight(rows: readonly InFlightRow[]): readonly SagasInFlight[] {
  const structures = new Map<string, SagasInFlight & { readonly sagaIds: string[] }>();
  for (const { id, facade, fingerprint, sagas, stuck, createdMs } of rows) {
    const key = JSON.stringify([facade, fingerprint]);
    const known = structures.get(key);
    if (known !== undefined) {
      known.sagaIds.push(id);
      continue;
    }
    const open = Number(sagas) - Number(stuck);
    const figures = { open, stuck: Number(stuck), oldestMs: Number(createdMs) };
    structures.set(key, { facade, fingerprint, ...figures, sagaIds: [id] });
  }
  return [...structures.values()].sort((one, other) => {
    return one.facade === other.facade ? one.oldestMs - other.oldestMs : one.facade < other.facade ? -1 : 1;
  });
}
