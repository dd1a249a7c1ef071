import type { Broker, BrokerObserver } from "../../runtime/broker/broker.js";
import { createEmbeddedBroker } from "../../runtime/broker/embedded.js";
import { Changes } from "../../runtime/engine/changes.js";
import type { Completion } from "../../runtime/engine/messages.js";
import type { Log } from "../../runtime/engine/ports.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { type Chance, hashOf } from "../../runtime/testing/world/chance.js";
import type { Cluster } from "../../runtime/testing/world/cluster.js";
import { type Pod, startPod } from "../../runtime/testing/world/pod.js";
import { createProcess, type Probe, type Process } from "../../runtime/testing/world/process.js";
import type { Scheduler } from "../../runtime/testing/world/scheduler.js";
import type { Network } from "../../runtime/testing/world/upstreams.js";
import type { Scenario } from "./scenario.js";

/** What the pods of a run stand on. */
export interface FleetParts {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly scenario: Scenario;
  readonly network: Network;
  /** The cluster of topics, where the scenario has one. */
  readonly cluster: Cluster | undefined;
  openJournal(process: Process): Promise<Journal>;
  log(process: Process): Log;
  completed(completion: Completion): void;
  note(who: string, what: string): void;
}

/** A pod's place, whether it runs or not. */
export interface Slot {
  readonly name: string;
  pod: Pod | undefined;
  broker: Broker | undefined;
  process: Process | undefined;
  incarnations: number;
}

/** The pods of a run: they crash, stand still, leave, and come again. */
export interface Fleet {
  readonly slots: readonly Slot[];
  /** The pods that take calls now. */
  ready(): readonly Pod[];
  /** Whether all pods take calls, and none stands still. */
  readonly whole: boolean;
}

/** Starts the pods. */
export function startFleet(parts: FleetParts): Fleet {
  const { scheduler, chance, scenario, network, cluster, note } = parts;
  const seed = chance.between("random", 0, 2 ** 31);
  const slots = scenario.pods.map(
    (name): Slot => ({ name, pod: undefined, broker: undefined, process: undefined, incarnations: 0 }),
  );

  function start(slot: Slot): void {
    const incarnation = ++slot.incarnations;
    const site = `${slot.name}.${incarnation}`;
    let draws = 0;
    const random = () => hashOf(seed, `${site}/${draws++}`) / 2 ** 32;
    const process = createProcess({ scheduler, name: slot.name, incarnation, random, probe: probeOf(site) });
    slot.process = process;
    process.onSilence((ms) => {
      if (ms === Number.POSITIVE_INFINITY && slot.process === process) {
        gone(slot, site);
      }
    });
    if (chance.fault("skew", slot.name, 0.2)) {
      process.jump((chance.roll(`${slot.name}/skew`) - 0.5) * 600_000);
    }
    note(site, "starts");
    parts.openJournal(process).then(
      (journal) => boot(slot, process, journal, site),
      () => process.kill(),
    );
  }

  function boot(slot: Slot, process: Process, journal: Journal, site: string): void {
    const observer: BrokerObserver = {
      failed: (error, topic) => parts.log(process).debug({ err: error, topic }, "a delivery failed"),
      lag() {},
      deadLettered: (topic, reason) =>
        parts.log(process).error({ topic, err: new Error(reason) }, "a message was buried"),
    };
    const broker =
      cluster?.member(process, observer) ??
      createEmbeddedBroker(journal.messages, observer, {
        after: process.after,
        redeliveryDelayMs: 300,
        maxRedeliveryDelayMs: 1_000,
      });
    const changes = new Changes(journal);
    const pod = startPod({
      process,
      facades: scenario.facades,
      journal,
      broker,
      upstreams: network.connect(process),
      changes,
      log: parts.log(process),
      limits: { async: scenario.limit, throttled: scenario.limit },
      concurrencyOf: () => scenario.concurrency,
      completion: scenario.completion
        ? {
            topic: "completion",
            handler: async ({ key, body }) => {
              if (process.alive) {
                if (chance.fault("completion-refused", `${site}/${key}`, 0.05)) {
                  throw new Error("the completion's handler is busy");
                }
                parts.completed(JSON.parse(body));
              }
            },
          }
        : undefined,
    });
    Object.assign(slot, { pod, broker });
    pod.started.then(() => {
      if (pod.startError !== undefined) {
        note(site, "can't start");
        process.kill();
      } else {
        note(site, "is ready");
        leaveLater(slot, pod, journal, site);
      }
    });
  }

  /** As a SIGTERM: the pod drains and leaves. */
  function leaveLater(slot: Slot, pod: Pod, journal: Journal, site: string): void {
    if (slot.incarnations > 3 || !chance.fault("drain", site, 0.12)) {
      return;
    }
    pod.process.after(chance.roll(`${site}/drainAt`) ** 2 * 5_000, async () => {
      note(site, "drains");
      slot.pod = undefined;
      await pod.engine.drain(chance.pick(`${site}/grace`, [10, 1_000, 5_000]));
      await pod.engine.stop();
      await journal.close();
      pod.process.kill();
    });
  }

  function gone(slot: Slot, site: string): void {
    note(site, "is gone");
    slot.pod = undefined;
    slot.broker = undefined;
    const awayMs = chance.pick(`${site}/away`, [1, 50, 500, scenario.shared ? scenario.leaseMs * 2 : 1_500]);
    scheduler.after(awayMs, () => start(slot));
  }

  /** What becomes of this incarnation is fixed by its name. */
  function probeOf(site: string): Probe {
    const bends = [
      { kind: "crash", p: 0.5, act: (process: Process) => process.kill() },
      {
        kind: "stall",
        p: 0.12,
        act: (process: Process) => process.stall(chance.roll(`${site}/stall`) * (scenario.shared ? 9_000 : 3_000)),
      },
      {
        kind: "clock-jump",
        p: 0.1,
        act: (process: Process) => process.jump((chance.roll(`${site}/jump`) - 0.5) * 300_000),
      },
    ].map((bend) => ({ ...bend, nth: 1 + Math.floor(chance.roll(`${site}/${bend.kind}/nth`) ** 1.5 * 120) }));
    const early = Number(site.split(".")[1]) <= 3;
    return ({ process, nth, port, stage, about }) => {
      for (const bend of bends) {
        if (early && bend.nth === nth && process.alive && chance.fault(bend.kind, site, bend.p)) {
          note(site, `${bend.kind} ${stage} ${port} ${about}`);
          bend.act(process);
        }
      }
    };
  }

  for (const slot of slots) {
    scheduler.after(chance.roll(`${slot.name}/start`) * 5, () => start(slot));
  }

  return {
    slots,
    ready: () => slots.flatMap(({ pod }) => (pod?.ready === true && pod.process.alive ? [pod] : [])),
    get whole() {
      return slots.every(
        ({ pod, process }) =>
          pod?.ready === true && process?.alive === true && process.stalledUntilMs <= scheduler.now(),
      );
    },
  };
}
