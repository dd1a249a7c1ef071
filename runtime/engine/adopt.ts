import type { SagaEvent } from "../core/event.js";
import { replay } from "../core/transition.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { StoredSaga } from "../journal/journal.js";
import { decodeRecord, recordTime } from "../journal/record.js";
import { createRun, type Run } from "./run.js";

/** Why this process can't drive a stored saga: the code has another structure of its facade, or none; undefined where it can. */
export function misfit(
  facade: FacadeDefinition | undefined,
  stored: Pick<StoredSaga, "facade" | "fingerprint">,
): string | undefined {
  if (facade === undefined) {
    return `this server has no facade ${stored.facade}`;
  }
  return facade.fingerprint === stored.fingerprint
    ? undefined
    : `the structure of ${stored.facade} has changed since the saga began`;
}

/** A stored saga as far as this process may drive it; a text that says why where it may not. */
export function restore(facade: FacadeDefinition | undefined, stored: StoredSaga): Run | string {
  const why = misfit(facade, stored);
  if (why !== undefined || facade === undefined) {
    return why ?? "";
  }
  let records: SagaEvent[][];
  try {
    records = stored.records.map(decodeRecord);
  } catch (error) {
    return `its records can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const state = replay(facade, records.flat());
  const run = createRun(facade, stored.sagaId, stored.request, state, stored.records.length);
  run.answer = stored.answer;
  run.answerStored = stored.answer !== undefined;
  run.endStored = stored.phase === "completed" || stored.phase === "compensated";
  // That a process found it is nothing that happened to it.
  const moved = records.findLastIndex((events) => events.some(({ kind }) => kind !== "recovered"));
  run.movedAtMs = recordTime(stored.records[moved] ?? new Uint8Array());
  return run;
}
