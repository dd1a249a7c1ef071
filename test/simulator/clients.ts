import { isSagaError } from "../../runtime/core/errors.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import type { Answer } from "../../runtime/journal/journal.js";
import type { Chance } from "../../runtime/testing/world/chance.js";
import type { Pod } from "../../runtime/testing/world/pod.js";
import type { Scheduler } from "../../runtime/testing/world/scheduler.js";
import type { Tables } from "../../runtime/testing/world/tables.js";
import type { Violate } from "./book.js";
import type { Fleet } from "./fleet.js";
import { sameAnswer } from "./oracle.js";
import type { ClientPlan, Scenario } from "./scenario.js";

/** What clients are told is judged by what is durable at that moment. */
export interface ClientParts {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly scenario: Scenario;
  readonly fleet: Fleet;
  readonly tables: Tables;
  readonly violate: Violate;
  note(who: string, what: string): void;
  count(what: string): void;
}

/** The clients of a run. */
export interface Clients {
  /** Whether all have been told, or have hung up. */
  readonly done: boolean;
  /** Asks every pod once more for every saga. Settles once all are told. */
  askAll(): void;
}

/** Errors after which a client asks again. */
const passing = new Set(["SAGA_JOURNAL_UNAVAILABLE", "SAGA_DRAINING", "SAGA_QUEUE_FULL"]);

/** Has the clients call. */
export function startClients(parts: ClientParts): Clients {
  const { scheduler, chance, scenario, fleet, tables, violate, note, count } = parts;
  let open = 0;

  function call(client: ClientPlan, nth: number, choose: (pods: readonly Pod[]) => Pod | undefined): void {
    const pod = choose(fleet.ready());
    const again = (ms: number) => scheduler.after(ms, () => call(client, nth + 1, choose));
    if (pod === undefined) {
      again(100);
      return;
    }
    const { facade, request, patienceMs, saga } = client;
    const deadlineAtMs = patienceMs === undefined ? undefined : pod.process.clock.now() + patienceMs;
    let over = false;
    const end = (): boolean => {
      const first = !over;
      over = true;
      return first;
    };
    note(client.name, `calls ${facade.name} at ${pod.process.name}`);
    pod.process.onSilence((ms) => {
      if (ms === Number.POSITIVE_INFINITY && end()) {
        note(client.name, "loses its connection");
        again(20 + chance.roll(`${client.name}#${nth}/again`) * 500);
      }
    });
    const asked = pod.ask(facade, { sagaId: saga.id, request, deadlineAtMs });
    if (client.hangsUp && nth === 0 && end()) {
      count("client-hung-up");
      open--;
    }
    asked.settled.then(() => {
      if (!pod.process.alive) {
        return;
      }
      const { answer, error } = asked;
      if (answer !== undefined) {
        judgeAnswer(client, answer);
      } else {
        judgeError(client, error);
      }
      if (!end()) {
        return;
      }
      if (answer === undefined && isSagaError(error) && passing.has(error.code)) {
        again(chance.pick(`${client.name}#${nth}/again`, [1, 100, 400]));
      } else {
        open--;
      }
    });
  }

  function isOwn(client: { facade: FacadeDefinition; request: unknown; saga: { id: string } }): boolean | undefined {
    const row = tables.sagas.get(client.saga.id);
    return (
      row &&
      row.facade === client.facade.name &&
      Buffer.compare(row.request, client.facade.request.encode(client.request).finish()) === 0
    );
  }

  function judgeAnswer(client: ClientPlan, answer: Answer): void {
    const row = tables.sagas.get(client.saga.id);
    const text = answer.ok ? "success" : `${answer.failure.reason} ${answer.failure.code} of ${answer.step}`;
    note(client.name, `is told ${text}`);
    count(answer.ok ? "answered-success" : `answered-${answer.failure.reason}`);
    if (row === undefined) {
      violate("the answer is true", `${client.name} is told ${text} of a saga that the journal does not have`);
      return;
    }
    if (isOwn(client) !== true) {
      violate("starting twice is starting once", `${client.name} is told the answer of another request`);
    }
    if (row.answer === undefined || !sameAnswer(row.answer, answer)) {
      violate("the answer is true", `${client.name} is told ${text}, which is not durable`);
    }
    if (answer.ok && client.facade.mode !== "async" && row.phase !== "completed") {
      violate("the answer is true", `${client.name} is told of success, the journal says ${row.phase}`);
    }
  }

  function judgeError(client: ClientPlan, error: unknown): void {
    const code = isSagaError(error) ? error.code : String(error);
    note(client.name, `is refused: ${code}`);
    count(`refused-${code}`);
    if (code === "SAGA_REQUEST_ID_TAKEN") {
      if (isOwn(client) !== false) {
        violate("starting twice is starting once", `${client.name} is told that its id is taken, and it is its own`);
      }
    } else if (!passing.has(code)) {
      violate("nothing is swallowed", `${client.name} is told ${code}`);
    }
  }

  for (const client of scenario.clients) {
    open++;
    const site = `${client.name}/pod`;
    let calls = 0;
    scheduler.after(client.atMs, () =>
      call(client, 0, (pods) => (pods.length === 0 ? undefined : chance.pick(`${site}${calls++}`, pods))),
    );
  }

  return {
    get done() {
      return open === 0;
    },
    askAll() {
      for (const saga of scenario.sagas.filter(({ id }) => tables.sagas.has(id))) {
        for (const { name } of fleet.slots) {
          const asked = scenario.clients.find((client) => client.saga === saga && isOwn(client) === true);
          if (asked !== undefined) {
            open++;
            const client = { ...asked, name: `${saga.id}/last-at-${name}`, patienceMs: undefined, hangsUp: false };
            call(client, 1, (pods) => pods.find(({ process }) => process.name === name));
          }
        }
      }
    },
  };
}
