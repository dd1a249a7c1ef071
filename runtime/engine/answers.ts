import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import { type Answer, isShared, type Journal, type StoredSaga } from "../journal/journal.js";
import type { Changes } from "./changes.js";
import type { Log, Timers } from "./ports.js";
import type { Recovery } from "./recovery.js";
import type { SagaExecution } from "./saga-execution.js";

/** How long after an answer could not be read it is tried again, ms. */
const readAgainMs = 1_000;

/** A client's call of a facade. */
export interface SagaCall {
  readonly sagaId: string;
  /** The request as the client sent it. */
  readonly request: Uint8Array;
  /** The same, decoded. */
  readonly message: unknown;
  /** ms since the Unix epoch. */
  readonly deadlineAtMs: number | undefined;
  readonly traceparent: string;
}

interface Parts {
  readonly journal: Journal;
  readonly recovery: Recovery;
  readonly changes: Changes;
  readonly timers: Timers;
  readonly log: Log;
}

/** Answers calls of sagas that exist already, whichever server runs them. */
export class Answers {
  readonly #parts: Parts;
  /** Ends the waiting of those who follow sagas of other servers. */
  readonly #following = new Set<(error: unknown) => void>();
  #stopped: unknown;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The answer of a saga that runs here. @throws SagaError SAGA_REQUEST_ID_TAKEN */
  async join(execution: SagaExecution, facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    // mutation: join-only-same-request
    if (execution.facade !== facade || !isSameRequest(facade, execution.values.requestBytes, call.request)) {
      throw idTaken(call.sagaId);
    }
    const answer = await execution.answer();
    return answer === "released" ? this.recorded(facade, call) : answer;
  }

  /**
   * The answer of a saga that the journal has: recorded, or still to come, here or from another server.
   * @throws SagaError SAGA_REQUEST_ID_TAKEN, SAGA_STRUCTURE_CHANGED or SAGA_JOURNAL_UNAVAILABLE
   */
  recorded(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    return this.#parts.recovery.find(call.sagaId, (stored, live) => {
      if (stored === undefined) {
        throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `saga ${call.sagaId} could neither be stored nor found`);
      }
      if (!isOf(stored, facade, call)) {
        throw idTaken(call.sagaId);
      }
      if (stored.answer !== undefined) {
        return stored.answer;
      }
      const running = live ?? this.#recover(stored);
      return running === undefined ? this.#follow(call.sagaId) : this.join(running, facade, call);
    });
  }

  /** Runs a saga of this server's, unless it waits for its messages. */
  #recover(stored: StoredSaga): SagaExecution | undefined {
    const restored = stored.ownedHere ? this.#parts.recovery.restore(stored) : undefined;
    if (restored === undefined || restored.waiting) {
      return undefined;
    }
    const execution = restored.run();
    execution.recover(restored.waitedMs);
    return execution;
  }

  /**
   * What a server that accepts no new sagas can still answer: recorded answers, and sagas that other servers run.
   * @throws `refusal` if there is none
   */
  async recordedOnly(facade: FacadeDefinition, call: SagaCall, refusal: SagaError, follow: boolean): Promise<Answer> {
    const stored = await this.#parts.journal.load(call.sagaId);
    if (stored === undefined || !isOf(stored, facade, call)) {
      throw refusal;
    }
    if (stored.answer !== undefined) {
      return stored.answer;
    }
    if (stored.phase === "open" && follow && isShared(this.#parts.journal)) {
      return this.#follow(call.sagaId);
    }
    throw refusal;
  }

  /** Refuses all that wait for other servers' sagas. */
  stop(error: unknown): void {
    this.#stopped = error;
    for (const reject of [...this.#following]) {
      reject(error);
    }
  }

  /** Waits until the journal has the answer of a saga that another server runs. */
  #follow(sagaId: string): Promise<Answer> {
    const { changes, journal, timers, log } = this.#parts;
    return new Promise((resolve, reject) => {
      let cancelRetry = () => {};
      const end = () => {
        unsubscribe();
        cancelRetry();
        this.#following.delete(refuse);
      };
      const refuse = (error: unknown) => {
        end();
        reject(error);
      };
      const check = () => {
        journal.load(sagaId).then(
          (stored) => {
            if (stored?.answer !== undefined) {
              end();
              resolve(stored.answer);
            }
          },
          (err) => {
            log.warn({ saga: sagaId, err }, "the answer of another server's saga can't be read now; retrying");
            cancelRetry();
            cancelRetry = timers.after(readAgainMs, check);
          },
        );
      };
      const unsubscribe = changes.subscribe(sagaId, check);
      this.#following.add(refuse);
      if (this.#stopped === undefined) {
        check();
      } else {
        refuse(this.#stopped);
      }
    });
  }
}

function isOf(stored: StoredSaga, facade: FacadeDefinition, { request }: SagaCall): boolean {
  return stored.facade === facade.name && isSameRequest(facade, stored.request, request);
}

/** Whether two requests are the same: equal bytes, or the same message with its fields or map entries in another order. */
function isSameRequest(facade: FacadeDefinition, one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) {
    return true;
  }
  const canonical = (bytes: Uint8Array) => JSON.stringify(sorted(facade.request.toJSON(facade.request.decode(bytes))));
  return canonical(one) === canonical(other);
}

/** Clients write the entries of a map in any order. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What a call is refused with if another request has its request id. */
function idTaken(sagaId: string): SagaError {
  return new SagaError(
    "SAGA_REQUEST_ID_TAKEN",
    `request id ${sagaId} was used for another request or facade; use a new one for a new request`,
  );
}
