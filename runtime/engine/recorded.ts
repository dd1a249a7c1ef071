import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer, Journal } from "../journal/journal.js";
import type { Elsewhere } from "./elsewhere.js";
import type { SagaCall } from "./engine.js";
import type { Recovery } from "./recovery.js";
import { isUnsure, type Run } from "./run.js";
import type { Runs } from "./runs.js";
import { fits, isSameRequest, taken } from "./same-request.js";
import type { Waiters } from "./waiters.js";

interface Parts {
  readonly journal: Journal;
  readonly runs: Runs;
  readonly waiters: Waiters;
  readonly elsewhere: Elsewhere;
  readonly recovery: Recovery;
  readonly isDraining: () => boolean;
}

/** What clients are told of sagas that there are already. */
export interface Recorded {
  /** The answer of a saga that runs here. @throws SagaError SAGA_REQUEST_ID_TAKEN where the call is of another request */
  join(run: Run, facade: FacadeDefinition, request: Uint8Array): Promise<Answer>;
  /** The answer of a saga that the journal already had when this run wanted to begin it. */
  recall(run: Run): Promise<Answer>;
  /** A server that takes no new sagas still tells what it has recorded. @throws `refusal` where that is nothing */
  onlyRecorded(facade: FacadeDefinition, call: SagaCall, refusal: SagaError): Promise<Answer>;
}

/** Makes it. */
export function createRecorded({ journal, runs, waiters, elsewhere, recovery, isDraining }: Parts): Recorded {
  function join(run: Run, facade: FacadeDefinition, request: Uint8Array): Promise<Answer> {
    if (!fits(run, facade, request)) {
      return Promise.reject(taken(run.id));
    }
    return run.answer === undefined ? waiters.wait(isUnsure(run) ? run : run.id) : Promise.resolve(run.answer);
  }

  /** The answer of a saga that the journal already had when this run wanted to begin it. */
  async function recall(run: Run): Promise<Answer> {
    const { id, facade, requestBytes } = run;
    const stored = await journal.load(id);
    if (stored === undefined) {
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `saga ${id} could neither be made nor found`);
    }
    if (stored.facade !== facade.name || !isSameRequest(facade, stored.request, requestBytes)) {
      throw taken(id);
    }
    if (stored.answer !== undefined) {
      return stored.answer;
    }
    const running = runs.get(id);
    if (running?.creating !== undefined) {
      await running.creating; // Another call came meanwhile, perhaps of another request: it is not the saga of this id.
      return recall(run);
    }
    if (journal.shared && running === undefined) {
      const answer = waiters.wait(id);
      elsewhere.follow(id);
      return answer;
    }
    const adopted = recovery.adopt(stored);
    if (adopted === undefined) {
      throw new SagaError("SAGA_STRUCTURE_CHANGED", `saga ${id} is of another structure than ${facade.name} has now`);
    }
    return join(adopted, facade, requestBytes);
  }

  /** A server that takes no new sagas still tells what it has recorded. */
  async function onlyRecorded(facade: FacadeDefinition, call: SagaCall, refusal: SagaError): Promise<Answer> {
    const stored = await journal.load(call.sagaId);
    const same = stored?.facade === facade.name && isSameRequest(facade, stored.request, call.request);
    if (stored?.answer !== undefined && same) {
      return stored.answer;
    }
    if (stored?.phase === "open" && same && journal.shared && !isDraining()) {
      const answer = waiters.wait(call.sagaId); // Another server drives it.
      elsewhere.follow(call.sagaId);
      return answer;
    }
    throw refusal;
  }

  return { join, recall, onlyRecorded };
}
