import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BrokerObserver, DeadLetters } from "../../runtime/broker/broker.js";
import { deadLetterTopic } from "../../runtime/broker/broker.js";
import { createEmbeddedBroker } from "../../runtime/broker/embedded.js";
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
  const fullDisk: DeadLetters = { addDeadLetter: () => Promise.reject(new Error("disk full")) };

  function observe(): BrokerObserver & { readonly errors: unknown[] } {
    const errors: unknown[] = [];
    return { errors, failed: (error) => void errors.push(error), lag: () => {}, deadLettered: () => {} };
  }

  test("says that a message is safe only once it is handled", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(fullDisk, observe()));
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

  test("loses no poison: what can't be stored yet is delivered again", async () => {
    const stored: string[] = [];
    let refusals = 1;
    const store: DeadLetters = {
      async addDeadLetter({ body }) {
        if (refusals-- > 0) throw new Error("disk full");
        stored.push(body);
      },
    };
    const observer = observe();
    const broker = scope.use(createEmbeddedBroker(store, observer, { redeliveryDelayMs: 1 }));
    const poison = new SagaError("SAGA_MESSAGE_POISON", "no JSON");
    broker.subscribe(topic, { concurrency: 1 }, () => Promise.reject(poison));
    await broker.start();
    expect(await broker.publish([message("a/1")])).toBe(true);
    expect(stored).toEqual(["a/1"]);
    expect(observer.errors).toEqual([poison, new Error("disk full"), poison]);
  });

  test("gives a slot to a saga if one is free, and its key has none", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(fullDisk, observe()));
    expect(broker.slots?.claim(topic, "a"), "no such topic").toBeUndefined();
    broker.subscribe(topic, { concurrency: 2 }, handler.handle);
    expect(broker.slots?.claim(topic, "a"), "not started").toBeUndefined();
    await broker.start();

    const release = broker.slots?.claim(topic, "a");
    expect(release).toBeTypeOf("function");
    expect(broker.slots?.claim(topic, "a"), "the key has one").toBeUndefined();
    const other = broker.slots?.claim(topic, "b");
    expect(other).toBeTypeOf("function");
    expect(broker.slots?.claim(topic, "c"), "none is free").toBeUndefined();

    void broker.publish([message("a/1"), message("d/1")]);
    expect(handler.bodies, "no slot, or the key is busy").toEqual([]);
    other?.();
    other?.();
    expect(handler.bodies, "the message that waited has the slot").toEqual(["d/1"]);
    expect(broker.slots?.claim(topic, "c"), "releasing twice is releasing once").toBeUndefined();
    handler.finish("d/1");
    release?.();
    await until(() => handler.held.has("a/1"), { what: "the message that waited for its key" });
    const last = broker.slots?.claim(topic, "b");
    expect(last, "one slot is left").toBeTypeOf("function");
    expect(broker.slots?.claim(topic, "c")).toBeUndefined();
    handler.finish("a/1");

    let closed = false;
    const closing = broker.close().then(() => {
      closed = true;
    });
    await until(() => handler.held.size === 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed, "while a slot is taken").toBe(false);
    last?.();
    await closing;
    expect(broker.slots?.claim(topic, "d"), "no more").toBeUndefined();
  });

  test("gives slots to those who wait, in turn with messages, one for each key at a time", async () => {
    const handler = createRecordingHandler();
    const broker = scope.use(createEmbeddedBroker(fullDisk, observe()));
    const given: [string, () => void][] = [];
    const wait = (key: string) => broker.slots?.wait(topic, key, (release) => void given.push([key, release]));
    const release = () => given.at(-1)?.[1]();
    broker.subscribe(topic, { concurrency: 1 }, handler.handle);
    wait("a");
    expect(given, "not started").toEqual([]);
    await broker.start();
    expect(given.map(([key]) => key)).toEqual(["a"]);
    wait("b");
    void broker.publish([message("c/1")]);
    wait("b");
    expect(broker.slots?.claim(topic, "d"), "none is free").toBeUndefined();
    release();
    expect(given.map(([key]) => key)).toEqual(["a", "b"]);
    expect(handler.bodies).toEqual([]);
    release();
    await until(() => handler.held.has("c/1"), { what: "the message between the two" });
    expect(given).toHaveLength(2);
    handler.finish("c/1");
    await until(() => given.length === 3, { what: "the last slot" });
    wait("e");
    const closing = broker.close();
    release();
    await closing;
    expect(given, "closed").toHaveLength(3);
  });

  test("thousands may wait, and release their slot at once", async () => {
    const broker = scope.use(createEmbeddedBroker(fullDisk, observe()));
    broker.subscribe(topic, { concurrency: 1 }, async () => {});
    let done = 0;
    for (let at = 0; at < 20_000; at++) {
      broker.slots?.wait(topic, `key-${at}`, (release) => {
        done++;
        release();
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
    const broker = createEmbeddedBroker(fullDisk, observe(), { after });
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
    const broker = createEmbeddedBroker(fullDisk, observer, { redeliveryDelayMs: 60_000 });
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
