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

// Found by the simulator, seeds 81 and 217: whoever waited here for a saga that another server drove was told what became
// of a call that bore the same id by mistake.
test.each(["before", "after"])(
  "a call of another request, %s the rightful one, changes nothing for it",
  async (order) => {
    const scheduler = createScheduler(1);
    const database = createDatabase(scheduler, createTables(scheduler.now));
    const cluster = createCluster(scheduler);
    const body = toBytes({});
    const network = createNetwork({
      scheduler,
      service: () => ({ ok: true, body }),
      travel: () => ({ answerMs: 500 }),
    });
    const facade = facadeOf({ steps: { order: {}, payment: {} } });
    const observer = { failed() {}, lag() {}, deadLettered() {} };
    const start = async (name: string) => {
      const process = createProcess({ scheduler, name, incarnation: 1, random: () => 0 });
      const journal = database.open(process);
      await scheduler.run({ untilMs: scheduler.now() + 10 });
      return startPod({
        process,
        facades: [facade],
        journal: await journal,
        broker: cluster.member(process, observer),
        upstreams: network.connect(process),
      });
    };
    const [one, other] = [await start("one"), await start("other")];
    await scheduler.run({ untilMs: scheduler.now() + 100 });
    one.ask(facade, { sagaId: "a", request: { n: 1 } });
    await scheduler.run({ untilMs: scheduler.now() + 100 });
    const ask = (n: number) => other.ask(facade, { sagaId: "a", request: { n } });
    const [first, second] = order === "before" ? [2, 1] : [1, 2];
    const asked = [ask(first)];
    await scheduler.run({ untilMs: scheduler.now() + 100 });
    asked.push(ask(second));
    await scheduler.run({ untilMs: scheduler.now() + 5_000 });
    const [wrong, right] = order === "before" ? asked : asked.reverse();
    expect(wrong?.error).toMatchObject({ code: "SAGA_REQUEST_ID_TAKEN" });
    expect(right?.error).toBeUndefined();
    expect(right?.answer).toMatchObject({ ok: true });
  },
);
