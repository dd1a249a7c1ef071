import { expect, test } from "vitest";
import type { Broker, Handler } from "../../runtime/broker/broker.js";
import type { Message, SharedJournal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { facadeOf } from "./support/facade.js";
import { createSimulatedServers } from "./support/simulated-servers.js";

/** A broker that stores messages until the test delivers them, to the server that the test chooses. */
function createHeldTopics() {
  const published: Message[] = [];
  return {
    /** @returns a server's broker, and how it gets the last message of a topic; resolves once that is acknowledged */
    member() {
      const handlers = new Map<string, Handler>();
      const broker: Broker = {
        publish: async (messages) => {
          published.push(...messages);
          return true;
        },
        subscribe: (topic, _options, handler) => void handlers.set(topic, handler),
        start: async () => {},
        close: async () => {},
      };
      const deliver = async (topic: string) => {
        const message = published.findLast((one) => one.topic === topic);
        const handler = handlers.get(topic);
        if (message === undefined || handler === undefined) throw new Error(`no message on ${topic}`);
        await handler(message);
      };
      return { broker, deliver };
    },
  };
}

test("a message for a saga that another server has continued makes the server reload it and go on", async () => {
  // The deadline keeps the execution on the first server while the other one has the saga.
  const facade = facadeOf({
    steps: { order: {}, payment: {} },
    mode: "async",
    recovery: "carry-on",
    deadlineMs: 60_000,
  });
  const { start, pass, network, tables } = createSimulatedServers(facade);
  const topics = createHeldTopics();
  const [one, two] = [topics.member(), topics.member()];
  // Nor does it learn of the other one's entries by itself.
  const wrap = (journal: SharedJournal) => overriding(journal, { watch: () => () => {} });
  const first = await start("first", { broker: one.broker, wrap });
  await start("second", { broker: two.broker });
  first.ask(facade, { sagaId: "a", request: {} });
  await pass(100);
  expect(first.engine.knows("a")).toBe(true);

  const order = two.deliver(`${facade.name}.order`);
  await pass(100);
  await order;
  expect(first.engine.knows("a"), "with the entries from before").toBe(true);
  const payment = one.deliver(`${facade.name}.payment`);
  await pass(100);
  await payment;

  const calls = network.left.map(({ path, from }) => `${from.name} ${path}`);
  expect(calls).toEqual(["second /order", "first /payment"]);
  expect(tables.sagas.get("a")).toMatchObject({ phase: "completed", owner: "first" });
});

test("a throttled saga's client gets the answer when another server has it, long before its deadline", async () => {
  const facade = facadeOf({ steps: { order: {}, payment: {} }, mode: "throttled", recovery: "carry-on" });
  const { start, pass, network } = createSimulatedServers(facade);
  const topics = createHeldTopics();
  const [one, two] = [topics.member(), topics.member()];
  const first = await start("first", { broker: one.broker });
  await start("second", { broker: two.broker });
  const deadlineAtMs = first.process.clock.now() + 60_000;
  const asked = first.ask(facade, { sagaId: "a", request: {}, deadlineAtMs });
  for (const step of ["order", "payment"]) {
    await pass(100);
    const handled = two.deliver(`${facade.name}.${step}`);
    await pass(100);
    await handled;
  }
  await pass(1_000);
  expect(network.left.map(({ from }) => from.name)).toEqual(["second", "second"]);
  expect(asked.answer).toMatchObject({ ok: true });
});
