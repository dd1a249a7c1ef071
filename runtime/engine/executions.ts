import type { Admission } from "./admission.js";
import type { SagaExecution } from "./saga-execution.js";

/**
 * Where is saga X? One map from saga id to execution. A released execution stays in it until its calls in flight have
 * ended: a saga that is recovered here must not repeat, or compensate, a call that this process is still making.
 */
export class Executions {
  /** Boxes: V8 may keep the old table of a Map alive, and an emptied box lets go of the saga that was in it. */
  readonly #boxes = new Map<string, { execution: SagaExecution | undefined }>();
  readonly #admission: Admission;
  /** Live executions that a stopping server finishes itself. */
  #own = 0;
  #onQuiet: (() => void)[] = [];

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** The execution of a saga, released ones with calls in flight included. */
  get(sagaId: string): SagaExecution | undefined {
    return this.#boxes.get(sagaId)?.execution;
  }

  /** The execution that runs a saga here now. */
  live(sagaId: string): SagaExecution | undefined {
    const execution = this.get(sagaId);
    return execution?.isReleased ? undefined : execution;
  }

  /** All live executions. */
  all(): SagaExecution[] {
    return [...this.#boxes.values()].flatMap(({ execution }) =>
      execution === undefined || execution.isReleased ? [] : [execution],
    );
  }

  /** Adds a live execution; the saga must have none. */
  add(execution: SagaExecution): void {
    this.#boxes.set(execution.id, { execution });
    this.#admission.opened(execution);
    this.#own += isOwn(execution) ? 1 : 0;
  }

  /** An execution was released: it counts no more, and leaves the map once its calls have ended. */
  released(execution: SagaExecution): void {
    // mutation: end-makes-room
    this.#admission.closed(execution);
    this.#own -= isOwn(execution) ? 1 : 0;
    if (this.#own === 0) {
      for (const resolve of this.#onQuiet.splice(0)) {
        resolve();
      }
    }
    this.settled(execution);
  }

  /** Removes a released execution whose calls have ended. */
  settled(execution: SagaExecution): void {
    const box = this.#boxes.get(execution.id);
    // mutation: wait-for-calls-of-released
    if (box?.execution === execution && execution.callsInFlight === 0) {
      box.execution = undefined;
      this.#boxes.delete(execution.id);
    }
  }

  /**
   * Resolves once no saga runs here that a client waits for. Async sagas are left to the next start, or to other
   * servers.
   */
  quiet(): Promise<void> {
    return this.#own === 0 ? Promise.resolve() : new Promise((resolve) => this.#onQuiet.push(resolve));
  }
}

function isOwn({ facade }: SagaExecution): boolean {
  return facade.mode !== "async";
}
