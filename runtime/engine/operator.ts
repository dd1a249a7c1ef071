import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { restore } from "./adopt.js";
import { type Drive, react } from "./driver.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";

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

/** What an operator can do about a saga that is STUCK. Both resolve once the decision is durable. */
export interface Operator {
  /** Has the compensation tried again, with its attempts counted anew. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
  retry(act: OperatorAct): Promise<void>;
  /** Declares the compensation done. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
  skip(act: OperatorAct): Promise<void>;
}

interface Parts {
  readonly drive: Drive;
  readonly journal: Journal;
  readonly byName: ReadonlyMap<string, FacadeDefinition>;
  readonly runs: Runs;
}

/** Makes the operator's hand on the engine's sagas. */
export function createOperator({ drive, journal, byName, runs }: Parts): Operator {
  async function find(sagaId: string): Promise<Run> {
    for (;;) {
      const running = runs.get(sagaId);
      // What is being read anew takes in nothing meanwhile, and a call that is being begun may turn out to be of this saga.
      const settling = running?.rebasing?.done ?? running?.creating;
      if (settling !== undefined) {
        await settling;
      } else if (running !== undefined) {
        return running;
      } else {
        const found = await restored(sagaId);
        if (!runs.has(sagaId)) {
          return found;
        }
      }
    }
  }

  async function restored(sagaId: string): Promise<Run> {
    const stored = await journal.load(sagaId);
    if (stored === undefined) {
      throw new SagaError("SAGA_NOT_FOUND", `the journal has no saga ${sagaId}`);
    }
    const run = restore(byName.get(stored.facade), stored);
    if (typeof run === "string") {
      throw new SagaError("SAGA_STRUCTURE_CHANGED", `saga ${sagaId}: ${run}`);
    }
    return run;
  }

  async function act(
    kind: "operator-retried" | "operator-skipped",
    { sagaId, step, who, why }: OperatorAct,
  ): Promise<void> {
    const found = await find(sagaId);
    // Another operator may have taken the saga up in the same moment.
    const run = runs.get(sagaId) ?? found;
    const at = run.facade.steps.findIndex(({ name }) => name === step);
    if (run.state.steps[at]?.undo !== "stuck") {
      throw new SagaError("SAGA_NOT_STUCK", `saga ${sagaId} has no stuck compensation of a step ${step}`);
    }
    runs.add(run);
    await new Promise<void>((resolve, reject) => {
      run.effects.push(resolve);
      run.onRefused.push(reject);
      react(drive, run, { kind, step: at, who, why });
    });
  }

  return {
    retry: (what) => act("operator-retried", what),
    skip: (what) => act("operator-skipped", what),
  };
}
