import { SagaError } from "../core/errors.js";
import type { Changes } from "../engine/changes.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal, StoredSaga } from "../journal/journal.js";
import type { Saga } from "../pb/saga/v1/service.js";
import { sagaView } from "./saga-view.js";

/** What reading and watching sagas needs. */
export interface SagaSource {
  readonly journal: Pick<Journal, "load">;
  /** The facades of this server. */
  readonly byName: ReadonlyMap<string, FacadeDefinition>;
  readonly changes: Pick<Changes, "subscribe">;
}

/** Reads a saga. @throws SagaError SAGA_NOT_FOUND or SAGA_JOURNAL_UNAVAILABLE */
export async function readSaga(source: SagaSource, sagaId: string): Promise<Saga> {
  return view(source, await load(source, sagaId));
}

/** One client's watch of a saga. */
export interface Watch {
  /**
   * The saga's current state and each later one, until the saga has ended. Each state is loaded when it is requested: a slow
   * client gets fewer states, each the latest. Call it once.
   * @throws SagaError SAGA_NOT_FOUND, SAGA_JOURNAL_UNAVAILABLE, or SAGA_DRAINING after `drain`
   */
  states(): AsyncGenerator<Saga, void>;
  /** Ends the watch after the latest state. */
  drain(): void;
  /** Ends the watch at once: the client is gone. */
  hangUp(): void;
}

/** Creates a watch of a saga. It subscribes to changes when its states are requested. */
export function watchSaga(source: SagaSource, sagaId: string): Watch {
  let changed = true;
  let draining = false;
  let hungUp = false;
  let wake = () => {};

  async function* states(): AsyncGenerator<Saga, void> {
    // Subscribe before the first load, so that no change is missed in between.
    const unsubscribe = source.changes.subscribe(sagaId, () => {
      changed = true;
      wake();
    });
    let seen = 0;
    try {
      while (!hungUp) {
        if (changed) {
          changed = false;
          const stored = await load(source, sagaId);
          if (stored.records.length > seen) {
            seen = stored.records.length;
            yield view(source, stored);
          }
          if (stored.phase === "completed" || stored.phase === "compensated") {
            return;
          }
        } else if (draining) {
          throw new SagaError("SAGA_DRAINING", "the server is shutting down; watch again");
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      unsubscribe();
    }
  }

  return {
    states,
    drain() {
      draining = true;
      wake();
    },
    hangUp() {
      hungUp = true;
      wake();
    },
  };
}

async function load({ journal }: SagaSource, sagaId: string): Promise<StoredSaga> {
  const stored = await journal.load(sagaId);
  if (stored === undefined) {
    throw new SagaError("SAGA_NOT_FOUND", `the journal has no saga ${sagaId}`);
  }
  return stored;
}

function view({ byName }: SagaSource, stored: StoredSaga): Saga {
  return sagaView(stored, byName.get(stored.facade));
}
