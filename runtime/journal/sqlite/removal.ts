import type { Sqlite } from "./open.js";
import { queries } from "./queries.js";

/** How long one batch may hold the event loop up, ms: pages that are not in memory are read from the disk meanwhile. */
const longestMs = 4;

/** Removes sagas that ended by then, oldest first, inside the transaction that is open. @returns how many */
export type RemoveEnded = (endedByMs: number, limit: number) => number;

/** Makes what removes ended sagas. A batch is cut short where it takes long; it removes one at least. */
export function createRemoval(db: Sqlite): RemoveEnded {
  const ended = db.prepare(queries.ended);
  const removeRecords = db.prepare(queries.removeRecords);
  const removeSaga = db.prepare(queries.removeSaga);
  return (endedByMs, limit) => {
    const began = performance.now();
    let removed = 0;
    for (const { number } of ended.all(endedByMs, limit) as { number: number }[]) {
      removeRecords.run(number);
      removeSaga.run(number);
      removed++;
      if (performance.now() - began > longestMs) {
        break;
      }
    }
    return removed;
  };
}
