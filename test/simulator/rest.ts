import type { Completion } from "../../runtime/engine/messages.js";
import type { Cluster } from "../../runtime/testing/world/cluster.js";
import type { Scheduler } from "../../runtime/testing/world/scheduler.js";
import type { Tables } from "../../runtime/testing/world/tables.js";
import type { Violate } from "./book.js";
import type { Fleet } from "./fleet.js";
import type { CallJudge } from "./judge-calls.js";
import type { Scenario } from "./scenario.js";

/** What is looked at once all has settled. */
export interface RestParts {
  readonly scheduler: Scheduler;
  readonly scenario: Scenario;
  readonly fleet: Fleet;
  readonly tables: Tables;
  readonly completions: readonly Completion[];
  readonly cluster: Cluster | undefined;
  readonly judge: CallJudge;
  readonly violate: Violate;
}

/** How long the pods are watched doing nothing, ms of virtual time. */
const watchMs = 5_000;

/** Judges pods that have nothing to do: no slots held, no timers left, nothing written, room for as many sagas as ever. */
export async function judgeRest(parts: RestParts): Promise<void> {
  const { scheduler, scenario, fleet, tables, completions, cluster, judge, violate } = parts;
  await scheduler.run({ untilMs: scheduler.now() + watchMs });
  for (const { name, process, broker } of fleet.slots) {
    if (process === undefined || broker === undefined) {
      continue;
    }
    if (judge.underWay(process) > 0) {
      violate("nothing is left over", `${name} still has calls under way`);
    }
    if (!scenario.shared && !scenario.cluster && scheduler.waitingFor(process) > 0) {
      violate("nothing is left over", `${name} still has ${scheduler.waitingFor(process)} timers`);
    }
    if (cluster === undefined) {
      for (const topic of scenario.facades.flatMap(({ topics }) => topics.steps)) {
        const claims = Array.from({ length: scenario.concurrency }, (_, at) =>
          broker.slots?.claim(topic, `free-${at}`),
        );
        if (claims.includes(undefined)) {
          violate("nothing is left over", `${name} has fewer slots on ${topic} than it began with`);
        }
        for (const release of claims) {
          release?.();
        }
      }
    }
  }
  if (scenario.completion) {
    judgeCompletions(tables, completions, violate);
  }
  await judgeRoom(parts);
}

function judgeCompletions(tables: Tables, completions: readonly Completion[], violate: Violate): void {
  for (const { sagaId, phase } of tables.sagas.values()) {
    const own = completions.filter(({ request_id }) => request_id === sagaId);
    if (own.length === 0) {
      violate("each end is told", `${sagaId} is ${phase}, and its completion was never handled`);
    }
    if (own.some(({ state }) => state.toLowerCase() !== phase)) {
      violate("each end is told", `${sagaId} is ${phase}, and was told of as ${own.map(({ state }) => state)}`);
    }
  }
}

/** As many new sagas as a pod may hold at once are taken, or a place was lost. */
async function judgeRoom({ scheduler, scenario, fleet, tables, violate }: RestParts): Promise<void> {
  if (scenario.shared || scenario.limit > 3) {
    return;
  }
  const asked = scenario.facades
    .filter(({ mode }) => mode !== "sync")
    .flatMap((facade) =>
      Array.from({ length: scenario.limit }, (_, at) => {
        const sagaId = `room-${facade.name}-${at}`;
        return { sagaId, call: fleet.slots[0]?.pod?.ask(facade, { sagaId, request: { n: at } }) };
      }),
    );
  const told = () => asked.every(({ call }) => call?.answer !== undefined || call?.error !== undefined);
  const ended = () => asked.every(({ sagaId }) => (tables.sagas.get(sagaId)?.phase ?? "open") !== "open");
  await scheduler.run({ until: () => told() && ended(), untilMs: scheduler.now() + 60_000 });
  for (const { sagaId, call } of asked) {
    if (call?.answer?.ok !== true) {
      violate("nothing is left over", `${sagaId} is refused by a pod with nothing to do: ${String(call?.error)}`);
    }
  }
}
