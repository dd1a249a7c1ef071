import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Broker, SubscribeOptions } from "../../runtime/broker/broker.js";
import { createEmbeddedBroker } from "../../runtime/broker/embedded/embedded-broker.js";
import { SagaError } from "../../runtime/core/errors.js";
import type { Journal, Outgoing } from "../../runtime/journal/journal.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createRecordingHandler, type RecordingHandler } from "./recording-handler.js";

const scope = createScope();
const topic = "cancel";
let path: string;
let journal: Journal;
let errors: unknown[];
let handler: RecordingHandler;

beforeEach(() => {
  path = join(scope.tempDir(), "journal.db");
  journal = scope.use(openSqliteJournal(path));
  errors = [];
  handler = createRecordingHandler();
});

/** A broker on the test's journal that has the test's handler on the topic, and has started. */
async function startBroker(options: SubscribeOptions = { concurrency: 10 }, redeliveryDelayMs = 20): Promise<Broker> {
  const broker = createEmbeddedBroker(journal.messages, (error) => errors.push(error), { redeliveryDelayMs });
  broker.subscribe(topic, options, handler.handle);
  scope.defer(() => {
    for (const body of [...handler.held]) {
      handler.finish(body);
    }
    return broker.close();
  });
  await broker.start();
  return broker;
}

/** Messages named "key/number". */
function messages(...bodies: string[]): Outgoing[] {
  return bodies.map((body) => ({ topic, key: body.split("/")[0] ?? "", body }));
}

async function send(broker: Broker, ...bodies: string[]): Promise<void> {
  broker.publish(await journal.messages.add(messages(...bodies)));
}

async function pending(): Promise<string[]> {
  return (await journal.messages.pending()).map(({ body }) => body);
}

const delivered = (...bodies: string[]) =>
  until(() => bodies.every((body) => handler.bodies.includes(body)), { what: `delivery of ${bodies}` });
const settled = () => until(async () => (await pending()).length === 0, { what: "every message to be handled" });

describe("order", () => {
  test("messages of one key are handled one after the other, in their order", async () => {
    const broker = await startBroker();
    await send(broker, "a/1", "a/2", "a/3");
    for (const body of ["a/1", "a/2", "a/3"]) {
      await delivered(body);
      expect([...handler.held]).toEqual([body]);
      handler.finish(body);
    }
    await settled();
    expect(handler.bodies).toEqual(["a/1", "a/2", "a/3"]);
  });

  test("messages of different keys are handled at the same time, up to the concurrency", async () => {
    const broker = await startBroker({ concurrency: 2 });
    await send(broker, "a/1", "a/2", "b/1", "c/1");
    await delivered("a/1", "b/1");
    expect([...handler.held]).toEqual(["a/1", "b/1"]);
    handler.finish("b/1");
    await delivered("c/1");
    expect([...handler.held]).toEqual(["a/1", "c/1"]);
    handler.finish("a/1");
    await delivered("a/2");
    expect([...handler.held]).toEqual(["c/1", "a/2"]);
  });

  test("a message that failed is not overtaken by those behind it", async () => {
    const broker = await startBroker();
    await send(broker, "a/1", "a/2", "b/1");
    await delivered("a/1", "b/1");
    handler.finish("a/1", new Error("not now"));
    await until(() => handler.bodies.length > 2, { what: "the next delivery" });
    expect(handler.bodies).toEqual(["a/1", "b/1", "a/1"]);
    handler.finish("a/1");
    await delivered("a/2");
  });
});

describe("failure", () => {
  test("a message whose handler rejects is delivered again, until it succeeds", async () => {
    const broker = await startBroker();
    await send(broker, "a/1");
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until(() => handler.bodies.length === attempt && handler.held.size === 1, { what: `attempt ${attempt}` });
      expect(await pending()).toEqual(["a/1"]);
      handler.finish("a/1", attempt < 3 ? new Error(`no ${attempt}`) : undefined);
    }
    await settled();
    expect(errors).toEqual([new Error("no 1"), new Error("no 2")]);
  });

  test("a message that waits to be delivered again takes no other key's place", async () => {
    const broker = await startBroker({ concurrency: 1 }, 60_000);
    await send(broker, "a/1", "b/1");
    await delivered("a/1");
    handler.finish("a/1", new Error("not now"));
    await delivered("b/1");
    expect(handler.bodies).toEqual(["a/1", "b/1"]);
  });

  test("a handler that throws at once is as one that rejects", async () => {
    const broker = createEmbeddedBroker(journal.messages, (error) => errors.push(error), { redeliveryDelayMs: 1 });
    scope.use(broker);
    let calls = 0;
    broker.subscribe(topic, { concurrency: 1 }, () => {
      calls++;
      if (calls === 1) {
        throw new Error("at once");
      }
      return Promise.resolve();
    });
    await broker.start();
    await send(broker, "a/1");
    await settled();
    expect(calls).toBe(2);
    expect(errors).toEqual([new Error("at once")]);
  });

  test("a handled message that the journal can't forget yet is delivered again", async () => {
    let refusals = 1;
    const store = {
      ...journal.messages,
      remove: (id: number) => (refusals-- > 0 ? Promise.reject(new Error("disk full")) : journal.messages.remove(id)),
    };
    const broker = scope.use(createEmbeddedBroker(store, (error) => errors.push(error), { redeliveryDelayMs: 1 }));
    const handled: string[] = [];
    broker.subscribe(topic, { concurrency: 1 }, async ({ body }) => void handled.push(body));
    await broker.start();
    await send(broker, "a/1");
    await settled();
    expect(handled).toEqual(["a/1", "a/1"]);
    expect(errors).toEqual([new Error("disk full")]);
  });
});

describe("poison", () => {
  const poison = () => new SagaError("SAGA_MESSAGE_POISON", "on cancel: no JSON");

  test("goes to the dead letters with its reason, once, and blocks nobody", async () => {
    const broker = await startBroker({ concurrency: 1 });
    await send(broker, "a/1", "a/2", "b/1");
    await delivered("a/1");
    handler.finish("a/1", poison());
    await delivered("a/2");
    handler.finish("a/2");
    await delivered("b/1");
    handler.finish("b/1");
    await settled();
    expect(handler.bodies).toEqual(["a/1", "a/2", "b/1"]);
    expect(await journal.messages.buried(topic)).toEqual([
      expect.objectContaining({ body: "a/1", topic: "cancel.dead-letter", reason: poison().message }),
    ]);
    expect(errors).toEqual([poison()]);
  });

  test("is never lost: what can't be buried yet is delivered again", async () => {
    let refusals = 1;
    const store = {
      ...journal.messages,
      bury: (id: number, reason: string) =>
        refusals-- > 0 ? Promise.reject(new Error("disk full")) : journal.messages.bury(id, reason),
    };
    const broker = scope.use(createEmbeddedBroker(store, (error) => errors.push(error), { redeliveryDelayMs: 1 }));
    broker.subscribe(topic, { concurrency: 1 }, () => Promise.reject(poison()));
    await broker.start();
    await send(broker, "a/1");
    await settled();
    expect(await journal.messages.buried(topic)).toHaveLength(1);
    expect(errors).toEqual([poison(), new Error("disk full"), poison()]);
  });

  test("another error of ours is no poison", async () => {
    const broker = await startBroker();
    await send(broker, "a/1");
    await delivered("a/1");
    handler.finish("a/1", new SagaError("SAGA_JOURNAL_UNAVAILABLE", "busy"));
    await until(() => handler.bodies.length === 2, { what: "the second delivery" });
    expect(await journal.messages.buried(topic)).toEqual([]);
  });
});

describe("at most once at a time, at least once in all", () => {
  test("a message published twice is handled once", async () => {
    const broker = await startBroker({ concurrency: 1 });
    const stored = await journal.messages.add(messages("a/1", "a/2"));
    broker.publish(stored);
    broker.publish(stored);
    await delivered("a/1");
    broker.publish(stored);
    handler.finish("a/1");
    await delivered("a/2");
    broker.publish(stored.slice(1));
    handler.finish("a/2");
    await settled();
    expect(handler.bodies).toEqual(["a/1", "a/2"]);
  });

  test("a message published before the start is handled once", async () => {
    const broker = createEmbeddedBroker(journal.messages, (error) => errors.push(error));
    scope.use(broker);
    const handled: string[] = [];
    broker.subscribe(topic, { concurrency: 1 }, async ({ body }) => void handled.push(body));
    const stored = await journal.messages.add(messages("a/1"));
    broker.publish(stored);
    expect(handled, "not before the start").toEqual([]);
    const started = broker.start();
    broker.publish(stored);
    await started;
    await settled();
    expect(handled).toEqual(["a/1"]);
  });

  test("what a process that was killed had stored, the next one delivers", async () => {
    await journal.close();
    const writer = scope.start("test/journal/journal-process.ts", { args: [path, "leave-log"] });
    await writer.exited;
    journal = scope.use(openSqliteJournal(path));
    const broker = createEmbeddedBroker(journal.messages, (error) => errors.push(error));
    scope.use(broker);
    const handled: string[] = [];
    broker.subscribe("t", { concurrency: 1 }, async ({ body }) => void handled.push(body));
    await broker.start();
    await settled();
    expect(handled).toEqual(["in the log"]);
  });

  test("what was being handled when the broker went is delivered by the next", async () => {
    const first = createEmbeddedBroker(journal.messages, (error) => errors.push(error), { redeliveryDelayMs: 60_000 });
    first.subscribe(topic, { concurrency: 1 }, () => Promise.reject(new Error("not here")));
    await first.start();
    await send(first, "a/1", "a/2");
    await until(() => errors.length === 1, { what: "the first delivery" });
    await first.close();
    await startBroker();
    await delivered("a/1");
    handler.finish("a/1");
    await delivered("a/2");
  });

  test("a topic that nobody subscribed to keeps its messages", async () => {
    const broker = await startBroker();
    const other = { topic: "of tomorrow", key: "a", body: "later" };
    broker.publish(await journal.messages.add([other]));
    await send(broker, "a/1");
    await delivered("a/1");
    handler.finish("a/1");
    await until(async () => (await pending()).length === 1, { what: "the other message to be handled" });
    expect(await journal.messages.pending()).toEqual([expect.objectContaining(other)]);
  });
});

describe("closing", () => {
  test("waits for the handlers under way, and delivers no more", async () => {
    const broker = await startBroker({ concurrency: 1 });
    await send(broker, "a/1", "a/2");
    await delivered("a/1");
    let closed = false;
    const closing = broker.close().then(() => {
      closed = true;
    });
    await journal.messages.add(messages("c/1"));
    expect(closed, "while a message is handled").toBe(false);
    handler.finish("a/1");
    await closing;
    expect(await pending(), "the handled one is forgotten by then").toEqual(["a/2", "c/1"]);
    broker.publish(await journal.messages.pending());
    expect(handler.bodies).toEqual(["a/1"]);
  });

  test("leaves no timer behind, neither of a message that waits nor of one that fails while it closes", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const broker = await startBroker({ concurrency: 2 }, 60_000);
    await send(broker, "a/1", "b/1");
    await delivered("a/1", "b/1");
    const before = timers();
    handler.finish("a/1", new Error("not now"));
    await until(() => errors.length === 1, { what: "the failure" });
    const closing = broker.close();
    handler.finish("b/1", new Error("nor now"));
    await closing;
    expect(errors).toHaveLength(2);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
