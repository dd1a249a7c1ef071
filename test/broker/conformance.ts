import { beforeEach, describe, expect, test } from "vitest";
import type { Broker, BrokerObserver, Handler } from "../../runtime/broker/broker.js";
import { SagaError } from "../../runtime/core/errors.js";
import type { Message } from "../../runtime/journal/journal.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createRecordingHandler, type RecordingHandler } from "./recording-handler.js";

/** How the suite opens an adapter. */
export interface Setup {
  readonly observer: BrokerObserver;
  readonly redeliveryDelayMs: number;
}

/** A message on a dead-letter topic. */
export interface DeadLetter {
  readonly key: string;
  readonly body: string;
  readonly reason: string;
}

/** An adapter, for one test. */
export interface Adapter {
  open(setup: Setup): Broker | Promise<Broker>;
  /** Those of a topic, oldest first. */
  deadLetters(topic: string): Promise<readonly DeadLetter[]>;
}

/** What the observer received. */
interface Seen {
  readonly failed: { readonly error: unknown; readonly topic: string | undefined }[];
  readonly deadLettered: { readonly topic: string; readonly reason: string }[];
}

/** What every adapter of the broker does. `adapt` is called before each test; no two tests have a topic in common. */
export function brokerConformance(name: string, adapt: () => Adapter | Promise<Adapter>): void {
  describe(`a broker: ${name}`, () => {
    const scope = createScope();
    let topic: string;
    let adapter: Adapter;
    let handler: RecordingHandler;
    let seen: Seen;

    beforeEach(async () => {
      topic = `cancel-${crypto.randomUUID()}`;
      adapter = await adapt();
      handler = createRecordingHandler();
      seen = { failed: [], deadLettered: [] };
    });

    async function open(redeliveryDelayMs = 20): Promise<Broker> {
      const observer: BrokerObserver = {
        failed: (error, where) => void seen.failed.push({ error, topic: where }),
        lag: () => {},
        deadLettered: (where, reason) => void seen.deadLettered.push({ topic: where, reason }),
      };
      const broker = await adapter.open({ observer, redeliveryDelayMs });
      scope.defer(() => {
        const closed = broker.close();
        for (const body of [...handler.held]) handler.finish(body);
        return closed;
      });
      return broker;
    }

    /** A broker that has the test's handler on the topic, and has started. */
    async function start(concurrency = 10, redeliveryDelayMs?: number): Promise<Broker> {
      const broker = await open(redeliveryDelayMs);
      broker.subscribe(topic, { concurrency }, handler.handle);
      await broker.start();
      return broker;
    }

    /** Messages named "key/number". */
    const messages = (...bodies: string[]): Message[] =>
      bodies.map((body) => ({ topic, key: body.split("/")[0] ?? "", body }));
    const delivered = (...bodies: string[]) =>
      until(() => bodies.every((body) => handler.bodies.includes(body)), { what: `delivery of ${bodies}` });
    const held = (...bodies: string[]) =>
      until(() => bodies.every((body) => handler.held.has(body)), { what: `${bodies} to be held` });
    const deliveries = (count: number) =>
      until(() => handler.bodies.length >= count, { what: `delivery number ${count}` });

    describe("order", () => {
      test("messages of one key are handled one after the other, in their order", async () => {
        const broker = await start();
        const sent = [broker.publish(messages("a/1", "a/2")), broker.publish(messages("a/3"))];
        for (const body of ["a/1", "a/2", "a/3"]) {
          await held(body);
          expect([...handler.held]).toEqual([body]);
          handler.finish(body);
        }
        expect(await Promise.all(sent)).toEqual([true, true]);
        expect(handler.bodies).toEqual(["a/1", "a/2", "a/3"]);
      });

      test("messages of different keys are handled at the same time, up to the concurrency", async () => {
        const broker = await start(3);
        const numbers = [1, 2, 3, 4, 5];
        const bodies = numbers.flatMap((number) => [..."abcdefg"].map((key) => `${key}/${number}`));
        const sent = bodies.map((body) => broker.publish(messages(body)));
        await until(() => handler.held.size === 3, { what: "three to be handled" });
        while (handler.bodies.length < bodies.length || handler.held.size > 0) {
          const [first] = await until(() => handler.held.size > 0 && [...handler.held], { what: "the next" });
          if (first !== undefined) handler.finish(first);
        }
        expect(await Promise.all(sent)).not.toContain(false);
        expect(handler.most).toBe(3);
        for (const key of "abcdefg") {
          const own = handler.bodies.filter((body) => body.startsWith(key));
          expect(own).toEqual(numbers.map((number) => `${key}/${number}`));
        }
      });

      test("a message that failed is not overtaken by those behind it", async () => {
        const broker = await start();
        void broker.publish(messages("a/1", "a/2", "b/1"));
        await held("a/1", "b/1");
        handler.finish("a/1", new Error("not now"));
        await deliveries(3);
        expect([...handler.bodies].filter((body) => body.startsWith("a"))).toEqual(["a/1", "a/1"]);
        handler.finish("a/1");
        await delivered("a/2");
      });

      test("each topic has its own slots", async () => {
        const broker = await open();
        const other = createRecordingHandler();
        const otherTopic = `order-${crypto.randomUUID()}`;
        broker.subscribe(topic, { concurrency: 1 }, handler.handle);
        broker.subscribe(otherTopic, { concurrency: 1 }, other.handle);
        await broker.start();
        void broker.publish([...messages("a/1"), { topic: otherTopic, key: "a", body: "a/2" }]);
        await held("a/1");
        await until(() => other.held.has("a/2"), { what: "the other topic's message" });
        other.finish("a/2");
      });
    });

    describe("failure", () => {
      test("a message whose handler rejects is delivered again, until it succeeds", async () => {
        const broker = await start();
        const sent = broker.publish(messages("a/1"));
        for (const attempt of [1, 2, 3]) {
          await until(() => handler.bodies.length === attempt && handler.held.size === 1, { what: `try ${attempt}` });
          handler.finish("a/1", attempt < 3 ? new Error(`no ${attempt}`) : undefined);
        }
        expect(await sent).toBe(true);
        expect(seen.failed).toEqual([
          { error: new Error("no 1"), topic },
          { error: new Error("no 2"), topic },
        ]);
      });

      test("a message that waits to be delivered again takes no slot from other keys", async () => {
        const broker = await start(1, 60_000);
        void broker.publish(messages("a/1", "a/2"));
        await held("a/1");
        void broker.publish(messages("b/1"));
        handler.finish("a/1", new Error("not now"));
        await delivered("b/1");
        expect(handler.bodies).toEqual(["a/1", "b/1"]);
      });

      test("a handler that throws at once is as one that rejects", async () => {
        const broker = await open();
        let calls = 0;
        const throwing: Handler = () => {
          calls++;
          if (calls === 1) throw new Error("at once");
          return Promise.resolve();
        };
        broker.subscribe(topic, { concurrency: 1 }, throwing);
        await broker.start();
        expect(await broker.publish(messages("a/1"))).toBe(true);
        await until(() => calls === 2, { what: "the second delivery" });
        expect(seen.failed).toEqual([{ error: new Error("at once"), topic }]);
      });
    });

    describe("poison", () => {
      const poison = () => new SagaError("SAGA_MESSAGE_POISON", "on cancel: no JSON ☠");

      test("goes to the dead letters with its reason, once, and blocks nobody", async () => {
        const broker = await start(1);
        void broker.publish(messages("a/1", "a/2", "b/1"));
        for (let handled = 0; handled < 3; handled++) {
          const [body] = await until(() => handler.held.size > 0 && [...handler.held], { what: "the next" });
          if (body !== undefined) handler.finish(body, body === "a/1" ? poison() : undefined);
        }
        await until(() => seen.deadLettered.length > 0, { what: "the dead letter" });
        expect(seen.deadLettered).toEqual([{ topic, reason: poison().message }]);
        expect(seen.failed).toEqual([{ error: poison(), topic }]);
        expect([...handler.bodies].sort()).toEqual(["a/1", "a/2", "b/1"]);
        expect(await adapter.deadLetters(topic)).toEqual([{ key: "a", body: "a/1", reason: poison().message }]);
      });

      test("another error of ours is no poison", async () => {
        const broker = await start();
        void broker.publish(messages("a/1"));
        await held("a/1");
        handler.finish("a/1", new SagaError("SAGA_JOURNAL_UNAVAILABLE", "busy"));
        await deliveries(2);
        expect(seen.deadLettered).toEqual([]);
      });
    });

    describe("publishing", () => {
      test("before the start, a message waits; then it is delivered", async () => {
        const broker = await open();
        broker.subscribe(topic, { concurrency: 1 }, handler.handle);
        const sent = broker.publish(messages("a/1", "a/2"));
        expect(handler.bodies).toEqual([]);
        await broker.start();
        for (const body of ["a/1", "a/2"]) {
          await held(body);
          handler.finish(body);
        }
        expect(await sent).toBe(true);
      });

      test("nothing is published at once", async () => {
        const broker = await start();
        expect(await broker.publish([])).toBe(true);
      });

      test("what was not sent when the broker is closed, and what comes after, is not", async () => {
        const broker = await open();
        broker.subscribe(topic, { concurrency: 1 }, handler.handle);
        const early = broker.publish(messages("a/1"));
        await broker.close();
        expect(await early).toBe(false);
        expect(await broker.publish(messages("a/2"))).toBe(false);
        expect(handler.bodies).toEqual([]);
      });

      test("to a topic that nobody knows holds up no other message", async () => {
        const broker = await start();
        const stray = broker.publish([{ topic: "of.tomorrow", key: "a", body: "later" }]);
        void broker.publish(messages("a/1"));
        await held("a/1");
        handler.finish("a/1");
        await broker.close();
        expect(await stray).toBe(false);
      });

      test.each([
        ["a big one", "big", "x".repeat(1_500_000)],
        ["texts of all kinds", "schlüssel/🗝/\u0000/\u2028", '{"näme":"💥\\u0000","line":"\u2028"}\n'],
        ["an empty one", "", ""],
      ])("a message arrives as it was: %s", async (_, key, body) => {
        const broker = await open();
        const arrived: Message[] = [];
        broker.subscribe(topic, { concurrency: 1 }, async (message) => void arrived.push(message));
        await broker.start();
        expect(await broker.publish([{ topic, key, body }])).toBe(true);
        await until(() => arrived.length > 0, { what: "the message" });
        expect(arrived).toEqual([{ topic, key, body }]);
      });
    });

    describe("closing", () => {
      test("waits for the handlers under way, and delivers no more", async () => {
        const broker = await start(1);
        void broker.publish(messages("a/1", "a/2", "b/1"));
        const [under] = await until(() => handler.held.size > 0 && [...handler.held], { what: "a delivery" });
        let closed = false;
        const closing = broker.close().then(() => {
          closed = true;
        });
        await new Promise(setImmediate);
        expect(closed, "while a message is handled").toBe(false);
        handler.finish(under ?? "");
        await closing;
        expect(handler.bodies).toEqual([under]);
      });

      test("does not wait for what is to be delivered again", async () => {
        const broker = await start(1, 600_000);
        void broker.publish(messages("a/1"));
        await held("a/1");
        handler.finish("a/1", new Error("not now"));
        await until(() => seen.failed.length > 0, { what: "the failure" });
        await broker.close();
        expect(handler.bodies).toEqual(["a/1"]);
      });

      test("may come twice, and before the start", async () => {
        const broker = await open();
        await Promise.all([broker.close(), broker.close()]);
        await broker.close();
        const other = await start();
        await Promise.all([other.close(), other.close()]);
      });
    });
  });
}
