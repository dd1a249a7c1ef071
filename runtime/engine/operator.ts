import { SagaError } from "../core/errors.js";
import type { StoredSaga } from "../journal/journal.js";
import type { Recovery } from "./recovery.js";
import { notStuck, type SagaExecution } from "./saga-execution.js";

/** An operator's decision on a stuck compensation. */
export interface OperatorAct {
  readonly sagaId: string;
  /** The step's name. */
  readonly step: string;
  /** Recorded in the journal. */
  readonly who: string;
  /** Recorded in the journal. */
  readonly why: string;
}

/** What an operator can do about a saga that is STUCK. Each act resolves once it is durable. */
export class Operator {
  readonly #recovery: Recovery;

  constructor(recovery: Recovery) {
    this.#recovery = recovery;
  }

  /** Retries the compensation, with its attempts counted from 0. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
  retry(act: OperatorAct): Promise<void> {
    return this.#act("operator-retried", act);
  }

  /** Declares the compensation done. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
  skip(act: OperatorAct): Promise<void> {
    return this.#act("operator-skipped", act);
  }

  async #act(kind: "operator-retried" | "operator-skipped", { sagaId, step, who, why }: OperatorAct): Promise<void> {
    const execution = await this.#recovery.find(sagaId, (stored, live) => {
      if (stored === undefined) {
        throw new SagaError("SAGA_NOT_FOUND", `the journal has no saga ${sagaId}`);
      }
      return live ?? this.#restoreStuck(stored, step);
    });
    const at = execution?.facade.steps.findIndex(({ name }) => name === step) ?? -1;
    if (execution === undefined || at < 0) {
      throw notStuck(sagaId);
    }
    await execution.act({ kind, step: at, who, why });
  }

  #restoreStuck(stored: StoredSaga, step: string): SagaExecution | undefined {
    const { execution, waitedMs, run } = this.#recovery.restore(stored);
    const at = execution.facade.steps.findIndex(({ name }) => name === step);
    if (execution.state.steps[at]?.undo !== "stuck") {
      return undefined;
    }
    run();
    if (stored.phase === "open") {
      execution.recover(waitedMs); // Another compensation of the saga is still being tried.
    }
    return execution;
  }
}
