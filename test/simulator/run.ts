import type { Completion } from "../../runtime/engine/messages.js";
import { type Chance, createChance, type Fired } from "../../runtime/testing/world/chance.js";
import { createCluster } from "../../runtime/testing/world/cluster.js";
import { createDatabase } from "../../runtime/testing/world/database.js";
import { createLedger } from "../../runtime/testing/world/ledger.js";
import { createDisk, openOwnJournal } from "../../runtime/testing/world/own-journal.js";
import { createScheduler } from "../../runtime/testing/world/scheduler.js";
import { createTables } from "../../runtime/testing/world/tables.js";
import { createNetwork } from "../../runtime/testing/world/upstreams.js";
import { startClients } from "./clients.js";
import { startFleet } from "./fleet.js";
import { createCallJudge } from "./judge-calls.js";
import { judgeEnd } from "./judge-ends.js";
import { createLogs } from "./logs.js";
import { startOperator } from "./operator.js";
import { createOracle } from "./oracle.js";
import { judgeRest } from "./rest.js";
import { createScenario, type LeftOut } from "./scenario.js";
import { createTrace, type Trace } from "./trace.js";
import { createWeather } from "./weather.js";

/** How a seed is run. */
export interface RunOptions {
  /** Faults that do not happen, as `kind@site`. */
  readonly without?: ReadonlySet<string>;
  /** Sagas, clients and pods that the run does without, by name. */
  readonly leftOut?: LeftOut;
  /** Whether all that happens is written down. Default: no */
  readonly traced?: boolean;
}

/** Something that must hold and did not. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly atMs: number;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly fired: readonly Fired[];
  /** How often what happened: ends, answers, what the engine's log said. */
  readonly counts: ReadonlyMap<string, number>;
  readonly events: number;
  /** Virtual time, ms. */
  readonly lastedMs: number;
  readonly trace: Trace;
  /** The names of the sagas, clients and pods. */
  readonly parts: readonly string[];
}

/** How long everything may take to settle once faults have ended, ms of virtual time. */
const longestSettlingMs = 600_000;
const mostEvents = 300_000;

/** Runs one schedule: everything in it follows from the seed. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const scheduler = createScheduler(seed);
  const trace = createTrace(options.traced === true, scheduler.now);
  const violations: Violation[] = [];
  const counts = new Map<string, number>();
  let calm = false;
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const violate = (invariant: string, what: string) => {
    violations.push({ invariant, what, atMs: scheduler.now() });
    trace.note("!", `VIOLATION of "${invariant}": ${what}`);
  };
  const chance = swarm(
    createChance(seed, {
      ...(options.without === undefined ? {} : { without: options.without }),
      enabled: () => !calm && scheduler.now() < scenario.chaosMs,
      onFired: ({ kind, site }) => trace.note("~", `${kind} at ${site}`),
    }),
  );
  const scenario = createScenario(chance, options.leftOut);
  count(scenario.deployment);
  const facades = new Map(scenario.facades.map((facade) => [facade.name, facade]));
  const kinds = new Map(scenario.facades.flatMap(({ steps }) => steps.map(({ path, kind }) => [path, kind])));
  const weather = createWeather(chance, scenario, scheduler.now, () => calm, {
    kindOf: (path) => kinds.get(path),
    isDone: (key) => isDone(key),
  });
  const tables = createTables(scheduler.now);
  const database = createDatabase(scheduler, tables, weather.database);
  const disk = createDisk(tables, weather.disk);
  const oracle = createOracle(facades, scheduler.now, violate);
  const topicBound = () => {
    // A saga that is put aside gives back its places, while its calls are still under way.
    const bound = !scenario.shared && !scenario.cluster && !chance.fired.some(({ kind }) => diskFaults.has(kind));
    return bound ? scenario.concurrency : undefined;
  };
  const judge = createCallJudge(oracle, topicBound, violate);
  const ledger = createLedger(weather.business);
  const isDone = (key: string) => {
    const [sagaId = "", step] = key.split("/");
    return oracle.books.get(sagaId)?.steps.find((known) => known.step.name === step)?.status === "done";
  };
  const garbled = weather.garble(ledger.service);
  const network = createNetwork({
    scheduler,
    service(arrived) {
      const { attempt, copy } = arrived;
      const outcome = garbled(arrived);
      trace.note(
        "upstream",
        `${attempt.idempotencyKey}#${attempt.nth}${copy ? " (copy)" : ""}: ${outcome.ok ? "OK" : outcome.code}`,
      );
      return outcome;
    },
    travel(attempt) {
      trace.note(attempt.from.name, `calls ${attempt.idempotencyKey}#${attempt.nth}, ${attempt.timeoutMs} ms`);
      judge.left(attempt);
      return weather.travel(attempt);
    },
    told(attempt, outcome) {
      trace.note(
        attempt.from.name,
        `is told ${outcome.ok ? "OK" : outcome.code} of ${attempt.idempotencyKey}#${attempt.nth}`,
      );
      judge.told(attempt, outcome);
    },
  });
  const cluster = scenario.cluster ? createCluster(scheduler, weather.cluster) : undefined;
  tables.onStored((row, entry, owner) => {
    const writer = database.writing ?? fleet.slots.find(({ name }) => name === owner)?.process;
    trace.stored(owner, entry);
    oracle.stored(row, entry, writer);
  });
  const completions: Completion[] = [];
  const logs = createLogs(violate, count, trace, scenario.shared);
  const fleet = startFleet({
    scheduler,
    chance,
    scenario,
    network,
    cluster,
    openJournal: (process) =>
      scenario.shared ? database.open(process) : Promise.resolve(openOwnJournal(disk, process)),
    log: logs,
    completed: (completion) => void completions.push(completion),
    note: trace.note,
  });
  const clients = startClients({ scheduler, chance, scenario, fleet, tables, violate, count, note: trace.note });
  const isCalm = () => calm || scheduler.now() >= scenario.chaosMs;
  const operator = startOperator({
    scheduler,
    chance,
    fleet,
    tables,
    oracle,
    isCalm,
    violate,
    count,
    note: trace.note,
  });
  if (cluster !== undefined) {
    for (const nth of [1, 2, 3]) {
      if (chance.fault("rebalance", `${nth}`, 0.2)) {
        scheduler.after(chance.roll(`rebalance/${nth}/at`) * 6_000, () => cluster.rebalance());
      }
    }
  }
  if (scenario.shared && chance.fault("spurious-notices", "database", 0.2)) {
    for (let nth = 0; nth < 5; nth++) {
      scheduler.after(chance.roll(`spurious/${nth}`) * 4_000, () => {
        database.spuriousNotice(chance.pick(`spurious/${nth}/saga`, ["a", "b", "c"]));
      });
    }
  }

  const lastClientMs = Math.max(0, ...scenario.clients.map(({ atMs }) => atMs));
  const settled = () =>
    clients.done &&
    operator.done &&
    fleet.whole &&
    network.onTheWay === 0 &&
    database.onTheWay === 0 &&
    (cluster?.open ?? 0) === 0 &&
    [...tables.sagas.values()].every(({ phase }) => phase === "completed" || phase === "compensated");
  const failed = () => violations.length > 0;
  let asked = 0;
  const until = () => failed() || ((++asked & 15) === 0 && scheduler.now() > lastClientMs && settled());
  const untilMs = scenario.chaosMs + longestSettlingMs;

  try {
    let how = await scheduler.run({ until, untilMs, maxEvents: mostEvents });
    calm = true;
    if (!failed() && how !== "done" && !settled()) {
      violate("none is lost", `not settled (${how}): ${unsettled()}`);
    }
    if (!failed()) {
      count("settled");
      clients.askAll();
      how = await scheduler.run({ until, untilMs: scheduler.now() + longestSettlingMs, maxEvents: mostEvents });
      if (!failed() && how !== "done" && !settled()) {
        violate("none is lost", `asked again, and not settled (${how}): ${unsettled()}`);
      }
    }
    if (!failed()) {
      await judgeRest({ scheduler, scenario, fleet, tables, completions, cluster, judge, violate });
    }
    if (!failed()) {
      for (const row of tables.sagas.values()) {
        const book = oracle.books.get(row.sagaId);
        count(`end-${row.phase}`);
        if (book !== undefined) {
          judgeEnd(row, book, ledger.rows, violate);
        }
      }
    }
  } catch (error) {
    violate("nothing is thrown", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  for (const { process } of fleet.slots) {
    process?.kill();
  }

  function unsettled(): string {
    const phases = [...tables.sagas.values()].map(({ sagaId, phase, owner }) => `${sagaId} ${phase} (${owner})`);
    const parts = { clients: clients.done, operator: operator.done, pods: fleet.whole, onTheWay: network.onTheWay };
    return `${phases.join(", ")}; ${JSON.stringify(parts)}; messages ${cluster?.open ?? 0}`;
  }

  return {
    seed,
    violations,
    fired: chance.fired,
    counts,
    events: scheduler.events,
    lastedMs: scheduler.now(),
    trace,
    parts: [
      ...scenario.pods.slice(1),
      ...scenario.clients.map(({ name }) => name),
      ...scenario.sagas.map(({ id }) => id),
    ],
  };
}

const diskFaults = new Set(["disk-full", "commit-fails", "fsync-fails"]);

/** Each run does without some kinds of faults, so that those that hide others do not always do. */
function swarm(chance: Chance): Chance {
  const force = chance.pick("swarm/force", [0.3, 1, 1, 1, 2.5]);
  const kinds = new Map<string, boolean>();
  return {
    ...chance,
    fault(kind, site, probability) {
      let wanted = kinds.get(kind);
      if (wanted === undefined) {
        wanted = chance.roll(`swarm/${kind}`) < 0.65;
        kinds.set(kind, wanted);
      }
      return wanted && chance.fault(kind, site, probability * force);
    },
  };
}
