import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BrokerObserver, DeadLetters } from "../../runtime/broker/broker.js";
import { deadLetterTopic } from "../../runtime/broker/dead-letter.js";
import { createEmbeddedBroker } from "../../runtime/broker/embedded/embedded-broker.js";
import { SagaError } from "../../runtime/core/errors.js";
import type { Message } from "../../runtime/journal/journal.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { brokerConformance } from "./conformance.js";
import { createRecordingHandler } from "./recording-handler.js";

const scope = createScope();
const topic = "cancel";
const message = (body: string): Message => ({ topic, key: body.split("/")[0] ?? "", body });

brokerConformance("embedded", () => {
  const { messages } = scope.use(openSqliteJournal(join(scope.tempDir(), "journal.db")));
  return {
    open: ({ observer, redeliveryDelayMs }) => createEmbeddedBroker(messages, observer, { redeliveryDelayMs }),
    async deadLetters(name) {
      const letters = await messages.deadLetters(name);
      expect(letters.map((letter) => letter.topic)).toEqual(letters.map(() => deadLetterTopic(name)));
      return letters.map(({ key, body, reason }) => ({ key, body, reason }));
    },
  };
});

describe("the embedded broker", () => {
  const unburied: DeadLetters = { addDeadLetter: () => Promise.reject(new Error("disk full")) };

  function observe(): BrokerObserver & { readonly errors: unknown[] } {
    const errors: unknown[] = [];
    return { errors, failed: (error) => void errors.push(error), lag: () => {}, buried: () => {} };
  }

  test("says that a message is safe only once it is handled", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(unburied, observe()));
    broker.subscribe(topic, { concurrency: 1 }, handler.handle);
    await broker.start();
    let safe = false;
    const sent = broker.publish([message("a/1")]).then(() => {
      safe = true;
    });
    await until(() => handler.held.has("a/1"), { what: "the delivery" });
    expect(safe).toBe(false);
    handler.finish("a/1");
    await sent;
  });

  test("loses no poison: what can't be buried yet is delivered again", async () => {
    const buried: string[] = [];
    let refusals = 1;
    const store: DeadLetters = {
      async addDeadLetter({ body }) {
        if (refusals-- > 0) throw new Error("disk full");
        buried.push(body);
      },
    };
    const observer = observe();
    const broker = scope.use(createEmbeddedBroker(store, observer, { redeliveryDelayMs: 1 }));
    const poison = new SagaError("SAGA_MESSAGE_POISON", "no JSON");
    broker.subscribe(topic, { concurrency: 1 }, () => Promise.reject(poison));
    await broker.start();
    expect(await broker.publish([message("a/1")])).toBe(true);
    expect(buried).toEqual(["a/1"]);
    expect(observer.errors).toEqual([poison, new Error("disk full"), poison]);
  });

  test("gives a place away where one is free, and nothing waits before it", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(unburied, observe()));
    expect(broker.places?.claim(topic, "a"), "no such topic").toBeUndefined();
    broker.subscribe(topic, { concurrency: 2 }, handler.handle);
    expect(broker.places?.claim(topic, "a"), "not started").toBeUndefined();
    await broker.start();

    const giveBack = broker.places?.claim(topic, "a");
    expect(giveBack).toBeTypeOf("function");
    expect(broker.places?.claim(topic, "a"), "the key has one").toBeUndefined();
    const other = broker.places?.claim(topic, "b");
    expect(other).toBeTypeOf("function");
    expect(broker.places?.claim(topic, "c"), "none is free").toBeUndefined();

    void broker.publish([message("a/1")]);
    expect(handler.bodies, "its key is taken").toEqual([]);
    other?.();
    other?.();
    expect(broker.places?.claim(topic, "c"), "a message waits before it").toBeUndefined();
    giveBack?.();
    await until(() => handler.held.has("a/1"), { what: "the message that waited" });
    const last = broker.places?.claim(topic, "b");
    expect(last, "one place is left: giving back twice is giving back once").toBeTypeOf("function");
    expect(broker.places?.claim(topic, "c")).toBeUndefined();
    handler.finish("a/1");

    let closed = false;
    const closing = broker.close().then(() => {
      closed = true;
    });
    await until(() => handler.held.size === 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed, "while a place is taken").toBe(false);
    last?.();
    await closing;
    expect(broker.places?.claim(topic, "d"), "no more").toBeUndefined();
  });

  test("gives places to those who wait for one, in turn with messages, one of a key at a time", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(unburied, observe()));
    const given: [string, () => void][] = [];
    const wait = (key: string) => broker.places?.wait(topic, key, (giveBack) => void given.push([key, giveBack]));
    const giveBack = () => given.at(-1)?.[1]();
    broker.subscribe(topic, { concurrency: 1 }, handler.handle);
    wait("a");
    expect(given, "not started").toEqual([]);
    await broker.start();
    expect(given.map(([key]) => key)).toEqual(["a"]);
    wait("b");
    void broker.publish([message("c/1")]);
    wait("b");
    expect(broker.places?.claim(topic, "d"), "others wait before").toBeUndefined();
    giveBack();
    expect(given.map(([key]) => key)).toEqual(["a", "b"]);
    expect(handler.bodies).toEqual([]);
    giveBack();
    await until(() => handler.held.has("c/1"), { what: "the message between the two" });
    expect(given).toHaveLength(2);
    handler.finish("c/1");
    await until(() => given.length === 3, { what: "the last place" });
    wait("e");
    const closing = broker.close();
    giveBack();
    await closing;
    expect(given, "closed").toHaveLength(3);
  });

  test("thousands may wait, and be done as soon as they have their place", async () => {
    const broker = scope.use(createEmbeddedBroker(unburied, observe()));
    broker.subscribe(topic, { concurrency: 1 }, async () => {});
    let done = 0;
    for (let at = 0; at < 20_000; at++) {
      broker.places?.wait(topic, `key-${at}`, (giveBack) => {
        done++;
        giveBack();
      });
    }
    await broker.start();
    expect(done).toBe(20_000);
  });

  test("a message that can't be handled again and again waits twice as long each time, up to a limit", async () => {
    const delays: number[] = [];
    const after = (ms: number, action: () => void) => {
      delays.push(ms);
      if (delays.length < 9) setImmediate(action);
      return () => {};
    };
    const broker = createEmbeddedBroker(unburied, observe(), { after });
    broker.subscribe(topic, { concurrency: 1 }, () => Promise.reject(new Error("down")));
    await broker.start();
    void broker.publish([message("a/1")]);
    await until(() => delays.length === 9, { what: "nine failures" });
    expect(delays.map((ms) => ms / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    await broker.close();
  });

  test("leaves no timer behind, neither of a message that waits nor of one that fails while it closes", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const handler = createRecordingHandler();
    const observer = observe();
    const broker = createEmbeddedBroker(unburied, observer, { redeliveryDelayMs: 60_000 });
    broker.subscribe(topic, { concurrency: 2 }, handler.handle);
    await broker.start();
    void broker.publish([message("a/1"), message("b/1")]);
    await until(() => handler.held.size === 2, { what: "both deliveries" });
    const before = timers();
    handler.finish("a/1", new Error("not now"));
    await until(() => observer.errors.length === 1, { what: "the failure" });
    const closing = broker.close();
    handler.finish("b/1", new Error("nor now"));
    await closing;
    expect(observer.errors).toHaveLength(2);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
