import type { Broker, BrokerObserver } from "../../broker/broker.js";
import { createEmbeddedBroker } from "../../broker/embedded.js";
import type { FacadeDefinition } from "../../facade/definition.js";
import { hashOf } from "./chance.js";
import { type Business, createLedger, type Ledger } from "./ledger.js";
import { createDisk, type Disk, type DiskBehaviour, openOwnJournal } from "./own-journal.js";
import { type Pod, type PodOptions, startPod } from "./pod.js";
import { createProcess, type Probe } from "./process.js";
import { createScheduler, type Scheduler } from "./scheduler.js";
import { createTables, type Tables } from "./tables.js";
import { type Attempt, createNetwork, type Network, type Service, type Travel } from "./upstreams.js";

/** What a world of one server is made of. */
export interface WorldOptions {
  /** Orders what happens at the same moment, and draws the waits of retries. A 32-bit integer; default: 1 */
  readonly seed?: number;
  /** Decides on the calls that the barrier lets through. Default: all succeed with an empty answer */
  readonly business?: Business;
  /** What stands behind the network. Default: a ledger with a barrier, in front of `business` */
  readonly service?: Service;
  /** What the network does to each attempt. Default: all goes well */
  readonly travel?: (attempt: Attempt) => Travel;
  readonly disk?: DiskBehaviour;
  /** Puts something before the server's broker, such as what delivers messages twice. */
  readonly broker?: (embedded: Broker) => Broker;
  /** May kill the server wherever it crosses a port; see {@link crashAt}. */
  readonly probe?: Probe;
}

/** One server with its own journal and the embedded broker, in virtual time. */
export interface World {
  readonly scheduler: Scheduler;
  /** What the journal holds durably. */
  readonly tables: Tables;
  readonly disk: Disk;
  readonly network: Network;
  /** The books of the default service. */
  readonly ledger: Ledger;
  /** Starts the server, for the first time or after a crash, on what the journal holds. */
  start(facades: readonly FacadeDefinition[], options?: Partial<PodOptions>): Pod;
  /** Lets time go on until nothing is to happen any more. @returns whether that came within an hour of virtual time */
  settle(): Promise<boolean>;
}

const silent: BrokerObserver = { failed() {}, lag() {}, deadLettered() {} };

/** The longest that a world may take to settle, ms of virtual time. */
const longestMs = 3_600_000;

/** Makes a world of one server. */
export function createWorld({
  seed = 1,
  business,
  service,
  travel,
  disk: behaviour,
  broker: before,
  probe,
}: WorldOptions = {}): World {
  const scheduler = createScheduler(seed);
  const tables = createTables(scheduler.now);
  const disk = createDisk(tables, behaviour);
  const ledger = createLedger(business);
  const network = createNetwork({
    scheduler,
    service: service ?? ledger.service,
    ...(travel === undefined ? {} : { travel }),
  });
  let incarnation = 0;
  return {
    scheduler,
    tables,
    disk,
    network,
    ledger,
    start(facades, options = {}) {
      incarnation++;
      let draws = 0;
      const random = () => hashOf(seed, `random/${incarnation}/${draws++}`) / 2 ** 32;
      const process = createProcess({ scheduler, name: "server", incarnation, probe, random });
      const journal = openOwnJournal(disk, process);
      const embedded = createEmbeddedBroker(journal.messages, silent, { after: process.after });
      const broker = before?.(embedded) ?? embedded;
      return startPod({ process, facades, journal, broker, upstreams: network.connect(process), ...options });
    },
    settle: async () => (await scheduler.run({ untilMs: scheduler.now() + longestMs })) === "idle",
  };
}

/** Where a crash is to happen: at the nth crossing that fits. */
export interface CrashPoint {
  /** "upstream.call", "journal.append"…; default: any */
  readonly port?: string;
  /** Default: before */
  readonly stage?: "before" | "after";
  /** Default: any */
  readonly about?: string | undefined;
  /** Counts the crossings that fit, from 1, which is the default. */
  readonly nth?: number;
}

/** A probe that kills a process once, at a point. @returns it, with whether it has come to that */
export function crashAt({ port, stage = "before", about, nth = 1 }: CrashPoint): Probe & { readonly hit: boolean } {
  let seen = 0;
  const probe: Probe = (crossing) => {
    const fits =
      crossing.stage === stage &&
      (port === undefined || crossing.port === port) &&
      (about === undefined || crossing.about === about);
    if (fits && ++seen === nth) {
      crossing.process.kill();
    }
  };
  return Object.defineProperty(probe, "hit", { get: () => seen >= nth }) as Probe & { readonly hit: boolean };
}
