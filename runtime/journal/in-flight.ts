import type { SagasInFlight } from "./journal.js";

/** How many sagas of a structure are named. */
export const mostNamed = 5;

/** One of the oldest sagas of a structure, with what is known of all of them. */
export interface InFlightRow {
  readonly id: string;
  readonly facade: string;
  readonly fingerprint: string;
  /** How many of the structure have not ended, those that are stuck among them. */
  readonly sagas: number | string;
  readonly stuck: number | string;
  /** When this one began, ms since the Unix epoch. */
  readonly createdMs: number | string;
}

/**
 * The query for the rows below, each structure's from the oldest on, in the words that SQLite and PostgreSQL share.
 * @param created an expression: when a saga began, ms since the Unix epoch
 */
export function selectInFlight(created: string): string {
  return `
SELECT id, facade, fingerprint, sagas, stuck, created AS "createdMs" FROM (
  SELECT id, facade, fingerprint, created, count(*) OVER structure AS sagas,
    sum(CASE WHEN phase = 'stuck' THEN 1 ELSE 0 END) OVER structure AS stuck,
    row_number() OVER (PARTITION BY facade, fingerprint ORDER BY created, id) AS place
  FROM (${inPhase("open", created)} UNION ALL ${inPhase("stuck", created)}) AS unended
  WINDOW structure AS (PARTITION BY facade, fingerprint)
) AS counted WHERE place <= ${mostNamed} ORDER BY facade, fingerprint, place`;
}

/** Said twice over, so that the partial indexes of both databases serve. */
function inPhase(phase: "open" | "stuck", created: string): string {
  return `SELECT id, facade, fingerprint, phase, ${created} AS created FROM saga
    WHERE phase = '${phase}' AND phase IN ('open', 'stuck')`;
}

/** The rows by structure. */
export function toInFlight(rows: readonly InFlightRow[]): readonly SagasInFlight[] {
  const structures = new Map<string, SagasInFlight & { readonly sagaIds: string[] }>();
  for (const { id, facade, fingerprint, sagas, stuck, createdMs } of rows) {
    const key = JSON.stringify([facade, fingerprint]);
    const known = structures.get(key);
    if (known !== undefined) {
      known.sagaIds.push(id);
      continue;
    }
    structures.set(key, {
      facade,
      fingerprint,
      open: Number(sagas) - Number(stuck),
      stuck: Number(stuck),
      oldestMs: Number(createdMs),
      sagaIds: [id],
    });
  }
  return [...structures.values()].sort((one, other) => {
    return one.facade === other.facade ? one.oldestMs - other.oldestMs : one.facade < other.facade ? -1 : 1;
  });
}
