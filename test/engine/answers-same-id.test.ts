import { expect, test } from "vitest";
import { facadeOf } from "./support/facade.js";
import { createSimulatedServers } from "./support/simulated-servers.js";

// Found by the simulator: a client that waited here for another server's saga got the error of a call that had the same id
// by mistake.
test.each(["before", "after"])(
  "a call of another request that comes %s the right one changes nothing for the right one",
  async (order) => {
    const facade = facadeOf({ steps: { order: {}, payment: {} } });
    const { start, pass } = createSimulatedServers(facade, { answerMs: 500 });
    const [one, other] = [await start("one"), await start("other")];
    one.ask(facade, { sagaId: "a", request: { n: 1 } });
    await pass(100);
    const ask = (n: number) => other.ask(facade, { sagaId: "a", request: { n } });
    const [first, second] = order === "before" ? [2, 1] : [1, 2];
    const asked = [ask(first)];
    await pass(100);
    asked.push(ask(second));
    await pass(5_000);
    const [wrong, right] = order === "before" ? asked : asked.reverse();
    expect(wrong?.error).toMatchObject({ code: "SAGA_REQUEST_ID_TAKEN" });
    expect(right?.error).toBeUndefined();
    expect(right?.answer).toMatchObject({ ok: true });
  },
);
