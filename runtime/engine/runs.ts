import type { Admission } from "./admission.js";
import type { Flights } from "./flights.js";
import { createRegister } from "./register.js";
import type { Run } from "./run.js";

/** The sagas that this process drives. */
export interface Runs {
  get(sagaId: string): Run | undefined;
  has(sagaId: string): boolean;
  all(): readonly Run[];
  add(run: Run): void;
  /** Lets go of a saga: no timer of it fires any more. */
  forget(run: Run): void;
  /** Resolves once no saga runs that a client waits for, or that must be undone: those that topics drive are handed over. */
  settled(): Promise<void>;
}

/** Makes an empty register. */
export function createRuns(
  admission: Admission,
  { added, forgotten }: { added(run: Run): void; forgotten(run: Run): void } = { added() {}, forgotten() {} },
): Runs {
  const runs = createRegister<Run>();
  /** Calls under way of sagas that were let go of meanwhile. */
  const left = new Map<string, Flights>();
  /** Sagas that a stopping server finishes itself. */
  let own = 0;
  const onSettled: (() => void)[] = [];
  const isOwn = ({ facade }: Run) => facade.mode !== "async";

  function leave({ id, flights }: Run): void {
    if (flights.size > 0) {
      left.set(id, flights);
      flights.onEmpty = () => left.delete(id);
    }
  }

  return {
    get: (sagaId) => runs.get(sagaId),
    has: (sagaId) => runs.has(sagaId),
    all: () => runs.values(),
    add(run) {
      if (runs.get(run.id) === run) {
        return;
      }
      runs.set(run.id, run);
      run.flights = left.get(run.id) ?? run.flights;
      admission.opened(run);
      own += isOwn(run) ? 1 : 0;
      added(run);
    },
    forget(run) {
      for (const cancel of run.timers) {
        cancel();
      }
      run.timers.clear();
      run.cancelDeadline?.();
      run.cancelDeadline = undefined;
      if (runs.get(run.id) !== run) {
        return;
      }
      runs.delete(run.id);
      leave(run);
      admission.closed(run);
      forgotten(run);
      own -= isOwn(run) ? 1 : 0;
      if (own === 0) {
        for (const resolve of onSettled.splice(0)) {
          resolve();
        }
      }
    },
    settled() {
      return own === 0 ? Promise.resolve() : new Promise((resolve) => onSettled.push(resolve));
    },
  };
}
