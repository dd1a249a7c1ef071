import type { Broker } from "../../../runtime/broker/broker.js";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import type { SharedJournal } from "../../../runtime/journal/journal.js";
import { createCluster } from "../../../runtime/testing/world/cluster.js";
import { createDatabase } from "../../../runtime/testing/world/database.js";
import { type Pod, startPod } from "../../../runtime/testing/world/pod.js";
import { createProcess } from "../../../runtime/testing/world/process.js";
import { createScheduler } from "../../../runtime/testing/world/scheduler.js";
import { createTables, type Tables } from "../../../runtime/testing/world/tables.js";
import { createNetwork, type Network, type Travel } from "../../../runtime/testing/world/upstreams.js";
import { toBytes } from "./codec.js";

/** How a server differs from the usual one. */
export interface ServerSpec {
  /** Default: a member of the servers' Kafka cluster. */
  readonly broker?: Broker;
  /** Puts something between the server and its journal. */
  readonly wrap?: (journal: SharedJournal) => SharedJournal;
}

/** Servers that share a simulated database, in virtual time. */
export interface SimulatedServers {
  readonly tables: Tables;
  readonly network: Network;
  start(name: string, spec?: ServerSpec): Promise<Pod>;
  /** Lets virtual time pass. */
  pass(ms: number): Promise<void>;
}

/** Makes servers that share a database, and upstreams that answer each call with {}. @param travel default: 1 ms each way */
export function createSimulatedServers(facade: FacadeDefinition, travel: Travel = {}): SimulatedServers {
  const scheduler = createScheduler(1);
  const tables = createTables(scheduler.now);
  const database = createDatabase(scheduler, tables);
  const cluster = createCluster(scheduler);
  const body = toBytes({});
  const network = createNetwork({ scheduler, service: () => ({ ok: true, body }), travel: () => travel });
  const pass = async (ms: number) => {
    await scheduler.run({ untilMs: scheduler.now() + ms });
  };
  return {
    tables,
    network,
    pass,
    async start(name, { broker, wrap = same } = {}) {
      const process = createProcess({ scheduler, name, incarnation: 1, random: () => 0 });
      const opening = database.open(process);
      await pass(10);
      const pod = startPod({
        process,
        facades: [facade],
        journal: wrap(await opening),
        broker: broker ?? cluster.member(process, { failed() {}, lag() {}, deadLettered() {} }),
        upstreams: network.connect(process),
      });
      await pass(100);
      return pod;
    },
  };
}

function same(journal: SharedJournal): SharedJournal {
  return journal;
}
