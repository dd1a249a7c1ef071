import type { Chance } from "../../runtime/testing/world/chance.js";
import type { Scheduler } from "../../runtime/testing/world/scheduler.js";
import type { Tables } from "../../runtime/testing/world/tables.js";
import type { Violate } from "./book.js";
import type { Fleet } from "./fleet.js";
import type { Oracle } from "./oracle.js";

/** What the operator acts on. */
export interface OperatorParts {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly fleet: Fleet;
  readonly tables: Tables;
  readonly oracle: Oracle;
  /** Whether faults have ended. */
  readonly isCalm: () => boolean;
  readonly violate: Violate;
  note(who: string, what: string): void;
  count(what: string): void;
}

/** Who sees to sagas that are STUCK: a few while things still go wrong, all once they do not. */
export function startOperator(parts: OperatorParts): { readonly done: boolean } {
  const { scheduler, chance, fleet, tables, oracle, isCalm, violate, note, count } = parts;
  const acted = new Map<string, number>();
  const busy = new Set<string>();
  let looks = 0;

  function look(sagaId: string, nth: number): void {
    const again = () => scheduler.after(300, () => look(sagaId, nth + 1));
    if (tables.sagas.get(sagaId)?.phase !== "stuck") {
      busy.delete(sagaId);
      return;
    }
    const site = `operator/${sagaId}#${nth}`;
    const pods = fleet.ready();
    const step = oracle.books.get(sagaId)?.steps.find(({ undo }) => undo === "stuck");
    if (step === undefined || pods.length === 0 || (!isCalm() && chance.roll(`${site}/waits`) < 0.8)) {
      again();
      return;
    }
    const key = `${sagaId}/${step.step.name}`;
    const pod = chance.pick(`${site}/pod`, pods);
    const kind = chance.roll(`${site}/kind`) < 0.7 ? "retry" : "skip";
    note("operator", `${kind} ${key} at ${pod.process.name}`);
    count(`operator-${kind}`);
    let over = false;
    pod.process.onSilence((ms) => {
      if (ms === Number.POSITIVE_INFINITY && !over) {
        over = true;
        again();
      }
    });
    pod.engine.operator[kind]({ sagaId, step: step.step.name, who: "operator", why: "to see it end" }).then(
      () => {
        if (pod.process.alive && !over) {
          over = true;
          const times = (acted.get(key) ?? 0) + 1;
          acted.set(key, times);
          if (step.acts < times) {
            violate("an operator's act is recorded", `${kind} ${key} is done, and not durable`);
          }
          again();
        }
      },
      (error) => {
        if (pod.process.alive && !over) {
          over = true;
          note("operator", `is refused: ${String(error)}`);
          again();
        }
      },
    );
  }

  tables.onStored(({ sagaId, phase }) => {
    if (phase === "stuck" && !busy.has(sagaId)) {
      busy.add(sagaId);
      count("stuck");
      looks++;
      scheduler.after(100, () => look(sagaId, looks * 100));
    }
  });

  return {
    get done() {
      return busy.size === 0;
    },
  };
}
