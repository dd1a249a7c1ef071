import { selectInFlight } from "../in-flight.js";

/** What is asked of the tables once a journal is open. Each finds its rows by an index, whatever the journal has grown to. */
export const queries = {
  saga: "SELECT * FROM saga WHERE id = ?",
  records: "SELECT record FROM entry WHERE saga = ? ORDER BY seq",
  number: "SELECT number FROM saga WHERE id = ?",
  openWithLast: `
SELECT number, id, created_at_ms, coalesce(last.seq, 0) AS seq, coalesce(last.record, first_record) AS record
FROM saga LEFT JOIN entry AS last ON last.saga = number
  AND last.seq = (SELECT max(seq) FROM entry WHERE saga = number)
WHERE phase = 'open' AND phase IN ('open', 'stuck') AND number > ? ORDER BY number LIMIT ?`,
  // The phases stand in the text so that the partial index serves.
  ids: "SELECT id FROM saga WHERE phase = ? AND phase IN ('open', 'stuck') ORDER BY number",
  countOpen: "SELECT count(*) AS open FROM saga WHERE phase = 'open' AND phase IN ('open', 'stuck') AND facade = ?",
  inFlight: selectInFlight("created_at_ms"),
  ended: "SELECT number FROM saga WHERE ended_at_ms <= ? ORDER BY ended_at_ms LIMIT ?",
  removeRecords: "DELETE FROM entry WHERE saga = ?",
  removeSaga: "DELETE FROM saga WHERE number = ?",
} as const;
