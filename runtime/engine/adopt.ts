import type { SagaEvent } from "../core/event.js";
import { replay } from "../core/transition.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { StoredSaga } from "../journal/journal.js";
import { decodeRecord } from "../journal/record.js";
import { createRun, type Run } from "./run.js";

/** A stored saga as far as this process may drive it; a text that says why where it may not. */
export function restore(facade: FacadeDefinition | undefined, stored: StoredSaga): Run | string {
  if (facade === undefined) {
    return `this server has no facade ${stored.facade}`;
  }
  if (facade.fingerprint !== stored.fingerprint) {
    return `the structure of ${stored.facade} has changed since the saga began`;
  }
  let events: SagaEvent[];
  try {
    events = stored.records.flatMap(decodeRecord);
  } catch (error) {
    return `its records can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const state = replay(facade, events);
  const run = createRun(facade, stored.sagaId, stored.request, state, stored.records.length);
  run.answer = stored.answer;
  run.answerStored = stored.answer !== undefined;
  run.endStored = stored.phase === "completed" || stored.phase === "compensated";
  return run;
}
