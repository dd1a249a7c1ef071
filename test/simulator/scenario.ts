import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import type { Chance } from "../../runtime/testing/world/chance.js";
import { randomFacade } from "./facades.js";

/** A client, who calls until told, or hangs up. */
export interface ClientPlan {
  /** Names it: "a/client-0". */
  readonly name: string;
  readonly saga: SagaPlan;
  /** When it calls first, ms. */
  readonly atMs: number;
  /** What it sends; of a client that makes a mistake not what the saga's others do. */
  readonly request: { readonly n: number };
  readonly facade: FacadeDefinition;
  /** How long it gives the call, ms; undefined: no deadline. */
  readonly patienceMs: number | undefined;
  /** Whether it calls once, and never hears what came of it. */
  readonly hangsUp: boolean;
}

/** A saga to run. */
export interface SagaPlan {
  readonly id: string;
  readonly facade: FacadeDefinition;
  readonly request: { readonly n: number };
}

/** A way to run servers, which the seed chooses. */
interface Deployment {
  /** What the tally counts it as. */
  readonly name: string;
  /** How many of ten schedules have it. */
  readonly tenths: number;
  readonly shared: boolean;
  readonly cluster: boolean;
  /** A schedule has one to this many servers, each number as often as the others. */
  readonly mostPods: number;
}

const deployments: readonly Deployment[] = [
  { name: "own journal, embedded broker", tenths: 3, shared: false, cluster: false, mostPods: 1 },
  { name: "own journal, Kafka", tenths: 1, shared: false, cluster: true, mostPods: 1 },
  // Two of three of these have several servers: a fifth of all schedules.
  { name: "shared journal, embedded broker", tenths: 3, shared: true, cluster: false, mostPods: 3 },
  { name: "shared journal, Kafka", tenths: 3, shared: true, cluster: true, mostPods: 3 },
];
const deploymentOfTenth = deployments.flatMap((deployment) => Array<Deployment>(deployment.tenths).fill(deployment));

/** All that is fixed before a run begins. */
export interface Scenario {
  /** How servers run: "shared journal, embedded broker, 3 servers". */
  readonly deployment: string;
  readonly facades: readonly FacadeDefinition[];
  readonly sagas: readonly SagaPlan[];
  readonly clients: readonly ClientPlan[];
  /** Whether the journal is one that pods share. */
  readonly shared: boolean;
  /** Whether topics are a cluster's, and not the embedded broker's. */
  readonly cluster: boolean;
  readonly pods: readonly string[];
  /** When faults end, ms. */
  readonly chaosMs: number;
  readonly leaseMs: number;
  /** How many messages of a topic a pod handles at the same time. */
  readonly concurrency: number;
  /** How many open sagas a facade may have. */
  readonly limit: number;
  /** Whether the ends of sagas are told on a completion topic. */
  readonly completion: boolean;
}

/** Parts of a scenario that are left out, when a failure is shrunk: names of sagas, clients and pods. */
export type LeftOut = ReadonlySet<string>;

/** Makes a scenario. */
export function createScenario(chance: Chance, leftOut: LeftOut = new Set()): Scenario {
  const { name: deployment, shared, cluster, mostPods } = chance.pick("deployment", deploymentOfTenth);
  const pods = chance.between("pods", 1, mostPods);
  const facades = Array.from({ length: chance.between("facades", 1, 2) }, (_, at) => randomFacade(chance, at));
  const sagas = Array.from({ length: chance.between("sagas", 1, 4) }, (_, at): SagaPlan => {
    const id = "abcdef"[at] ?? "z";
    return { id, facade: chance.pick(`${id}/facade`, facades), request: { n: at } };
  }).filter(({ id }) => !leftOut.has(id));
  const windowMs = chance.pick("window", [5, 300, 2_000]);
  const clients = sagas.flatMap((saga) => clientsOf(chance, saga, facades, windowMs));
  return {
    deployment: `${deployment}, ${pods} server${pods === 1 ? "" : "s"}`,
    facades,
    sagas,
    clients: clients.filter(({ name }) => !leftOut.has(name)),
    shared,
    cluster,
    pods: Array.from({ length: pods }, (_, at) => `pod-${at}`).filter((pod, at) => at === 0 || !leftOut.has(pod)),
    chaosMs: shared ? 12_000 : 6_000,
    leaseMs: 3_000,
    concurrency: chance.pick("concurrency", [1, 2, 4]),
    limit: chance.pick("limit", [1, 3, 100]),
    completion: chance.roll("completion") < 0.5,
  };
}

function clientsOf(
  chance: Chance,
  saga: SagaPlan,
  facades: readonly FacadeDefinition[],
  windowMs: number,
): ClientPlan[] {
  const count = 1 + chance.between(`${saga.id}/clients`, 0, 2);
  const beginMs = chance.roll(`${saga.id}/at`) * windowMs;
  return Array.from({ length: count }, (_, at): ClientPlan => {
    const name = `${saga.id}/client-${at}`;
    const spreadMs = chance.pick(`${name}/spread`, [2, 200, 6_000]);
    const wrong = at > 0 && chance.roll(`${name}/wrong`) < 0.1;
    const otherFacade = wrong && chance.roll(`${name}/otherFacade`) < 0.3;
    return {
      name,
      saga,
      atMs: beginMs + (at === 0 ? 0 : chance.roll(`${name}/at`) * spreadMs),
      request: wrong ? { n: 100 + at } : saga.request,
      facade: otherFacade ? chance.pick(`${name}/facade`, facades) : saga.facade,
      patienceMs: chance.roll(`${name}/deadline`) < 0.2 ? chance.between(`${name}/patience`, 20, 3_000) : undefined,
      hangsUp: chance.roll(`${name}/hangsUp`) < 0.1,
    };
  });
}
