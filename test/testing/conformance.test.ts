import { createCluster } from "../../runtime/testing/world/cluster.js";
import { createDatabase } from "../../runtime/testing/world/database.js";
import { createDisk, openOwnJournal } from "../../runtime/testing/world/own-journal.js";
import { createTables } from "../../runtime/testing/world/tables.js";
import { brokerConformance } from "../broker/conformance.js";
import { journalConformance, type OpenJournal } from "../journal/conformance.js";
import { idleConformance } from "../journal/idle-conformance.js";
import { messageConformance } from "../journal/message-conformance.js";
import { removalConformance } from "../journal/removal-conformance.js";
import { sharedConformance } from "../journal/shared-conformance.js";
import { createScope, type Scope } from "../support/scope.js";
import { createRealTime, type RealTime } from "./real-time.js";

// What the simulator stands on does what the real journals and brokers do: the same suites say so.

function timeOf(scope: Scope): RealTime {
  const time = createRealTime();
  scope.defer(() => time.close());
  return time;
}

function ownPlace(scope: Scope): OpenJournal {
  const time = timeOf(scope);
  const disk = createDisk(createTables(time.scheduler.now));
  return () => openOwnJournal(disk, time.process("server"));
}

function sharedPlace(scope: Scope): OpenJournal {
  const time = timeOf(scope);
  const database = createDatabase(time.scheduler, createTables(time.scheduler.now));
  return () => database.open(time.process("pod"));
}

function harshPlace(scope: Scope): OpenJournal {
  const time = timeOf(scope);
  let requests = 0;
  const database = createDatabase(time.scheduler, createTables(time.scheduler.now), {
    silenceMs: 2,
    lateMs: () => 5,
    fate: () => (["request-lost", "answer-lost", "late"] as const)[requests++ % 19] ?? "ok",
  });
  return () => database.open(time.process("pod"));
}

journalConformance("simulated, of one server", ownPlace);
messageConformance("simulated, of one server", ownPlace);
removalConformance("simulated, of one server", ownPlace);
idleConformance("simulated, of one server", ownPlace);
journalConformance("simulated, shared", sharedPlace);
messageConformance("simulated, shared", sharedPlace);
removalConformance("simulated, shared", sharedPlace);
idleConformance("simulated, shared", sharedPlace);
sharedConformance("simulated", (scope) => {
  const time = timeOf(scope);
  const database = createDatabase(time.scheduler, createTables(time.scheduler.now), { leaseMs: 500 });
  return (podId) => database.open(time.process(podId));
});
journalConformance("simulated, shared, over a network that loses every other word", harshPlace);

const scope = createScope();

brokerConformance("simulated cluster", () => {
  const time = timeOf(scope);
  let member = 0;
  const clusters: ReturnType<typeof createCluster>[] = [];
  return {
    open({ observer, redeliveryDelayMs }) {
      const cluster = createCluster(time.scheduler, { redeliveryDelayMs, rebalanceMs: 1, commitIntervalMs: 1 });
      clusters.push(cluster);
      return cluster.member(time.process(`member-${++member}`), observer);
    },
    deadLetters: async (topic) =>
      clusters.flatMap(({ buried }) =>
        buried.flatMap(({ message: { topic: on, key, body }, reason }) =>
          on === topic ? [{ key, body, reason }] : [],
        ),
      ),
  };
});
