import { expect, test } from "vitest";
import { createCluster } from "../../runtime/testing/world/cluster.js";
import { createDatabase } from "../../runtime/testing/world/database.js";
import { startPod } from "../../runtime/testing/world/pod.js";
import { createProcess } from "../../runtime/testing/world/process.js";
import { createScheduler } from "../../runtime/testing/world/scheduler.js";
import { createTables } from "../../runtime/testing/world/tables.js";
import { createNetwork } from "../../runtime/testing/world/upstreams.js";
import { toBytes } from "./support/codec.js";
import { facadeOf } from "./support/facade.js";

// Found by the simulator, seed 520: the message waited for the next start of its server.
test.each(["journal.append", "journal.remove"])(
  "a saga's end is published once if the answer of %s is lost",
  async (lost) => {
    const scheduler = createScheduler(1);
    const body = toBytes({});
    const database = createDatabase(scheduler, createTables(scheduler.now), {
      fate: (site) => (site.startsWith(lost) && scheduler.now() < 5_000 ? "answer-lost" : "ok"),
      giveUpAfterMs: 300,
    });
    const process = createProcess({ scheduler, name: "pod", incarnation: 1, random: () => 0 });
    const opening = database.open(process);
    await scheduler.run({ untilMs: 100 });
    const journal = await opening;
    const told: string[] = [];
    const facade = facadeOf({ steps: { order: {} } });
    const pod = startPod({
      process,
      facades: [facade],
      journal,
      broker: createCluster(scheduler).member(process, { failed() {}, lag() {}, deadLettered() {} }),
      upstreams: createNetwork({ scheduler, service: () => ({ ok: true, body }) }).connect(process),
      completion: { topic: "ended", handler: async ({ key }) => void told.push(key) },
    });
    await scheduler.run({ untilMs: 1_000 });
    pod.ask(facade, { sagaId: "a", request: {} });
    await scheduler.run({ untilMs: 60_000 });
    expect(database.tables.sagas.get("a")?.phase).toBe("completed");
    expect(told).toEqual(["a"]);
    expect(await Promise.all([journal.messages.pending(), scheduler.run({ untilMs: 61_000 })])).toEqual([[], "late"]);
  },
);
