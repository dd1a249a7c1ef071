import { describe, expect, test } from "vitest";
import type { Broker } from "../../../runtime/broker/broker.js";
import { createKafkaBroker } from "../../../runtime/broker/kafka/broker.js";
import { SagaError } from "../../../runtime/core/errors.js";
import type { Message } from "../../../runtime/journal/journal.js";
import { readDeadLetters, sendRaw, testClient, testOptions } from "../../support/kafka/adapter.js";
import { kafkaVersions } from "../../support/kafka/jars.js";
import { skips, useKafka, withoutOwnKafka } from "../../support/kafka/test-kafka.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { createGroup } from "./group.js";

const scope = createScope();
const keys = [..."abcdefghijklmnopqrst"];

describe.skipIf(skips("Kafka under load, and stopped", withoutOwnKafka())).each(kafkaVersions)(
  "Kafka %s",
  (version) => {
    const kafka = useKafka(version);

    /** Publishes without a pause until told to stop. */
    function load(publish: () => Promise<boolean>): () => Promise<boolean[]> {
      const sent: Promise<boolean>[] = [];
      const timer = setInterval(() => sent.push(publish()), 10);
      const stop = () => {
        clearInterval(timer);
        return Promise.all(sent);
      };
      scope.defer(() => clearInterval(timer));
      return stop;
    }

    test("a broker that goes and comes back under load loses nothing, and keeps the order of each key", async () => {
      // A session that outlives the test: after a short outage, the member must not have to join as a new one.
      const group = createGroup(scope, testOptions(kafka.brokers, { sessionTimeoutMs: 120_000 }), keys);
      const member = await group.join("a");
      const stop = load(() => group.publish(member));
      const progress = async () => {
        const before = group.handled.length;
        await until(() => group.handled.length > before + 1_000, { what: "progress" });
      };
      await progress();
      await kafka.server.stop();
      expect(await member.publish([]), "publishing goes on").toBe(true);
      await kafka.server.start();
      await progress();
      await kafka.server.kill9();
      await kafka.server.start();
      await progress();
      expect(await stop()).not.toContain(false);
      await until(group.complete, { what: "all to be handled" });
      group.checkOrder();
      expect(group.errors.length, "the observer was told").toBeGreaterThan(0);
    });

    test("a member that Kafka lost for longer than its session is back, and reads on", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const arrived: string[] = [];
      const failures: unknown[] = [];
      const options = { partitions: 1, sessionTimeoutMs: 2_000 };
      const broker = createKafkaBroker(testOptions([`localhost:${kafka.proxy.port}`], options), {
        ...silent,
        failed: (error) => failures.push(error),
      });
      scope.use(broker);
      broker.subscribe(topic, { concurrency: 1 }, async ({ body }) => void arrived.push(body));
      await broker.start();
      await broker.publish([{ topic, key: "a", body: "before" }]);
      await until(() => arrived.length === 1, { what: "the first message" });
      kafka.proxy.cut();
      await until(() => failures.length > 0, { what: "the observer to learn of it" });
      kafka.proxy.restore();
      await broker.publish([{ topic, key: "a", body: "after" }]);
      await until(() => arrived.includes("after"), { what: "the message after the outage" });
    });

    test("closing while Kafka is away ends, and says what was not sent, also to a handler that waits for it", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const next = `next-${crypto.randomUUID()}`;
      const options = testOptions(kafka.brokers, { extraTopics: [next], closeTimeoutMs: 500 });
      const broker = createKafkaBroker(options, silent);
      scope.use(broker);
      let arrived = 0;
      let sent: boolean | undefined;
      let stopped = () => {};
      const away = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      broker.subscribe(topic, { concurrency: 1 }, async ({ key }) => {
        arrived++;
        await away;
        sent = await broker.publish([{ topic: next, key, body: "" }]);
      });
      await broker.start();
      await broker.publish([{ topic, key: "a", body: "" }]);
      await until(() => arrived === 1, { what: "the message" });
      await kafka.server.stop();
      stopped();
      const unsent = broker.publish([{ topic: next, key: "b", body: "" }]);
      const begun = Date.now();
      await broker.close();
      expect(Date.now() - begun).toBeLessThan(10_000);
      expect([sent, await unsent]).toEqual([false, false]);
      await kafka.server.start();
    });

    test("members come and go under load: nothing is lost, and each key keeps its order and its member", async () => {
      const group = createGroup(scope, testOptions(kafka.brokers), keys);
      const count = (member: string) => group.handled.filter((entry) => entry.member === member).length;
      const first = await group.join("a");
      const stop = load(() => group.publish(first));
      await until(() => count("a") > 500, { what: "the first member's work" });
      const second = await group.join("b");
      await until(() => count("b") > 500, { what: "the second member's work" });

      const from = group.published;
      await until(() => group.published > from + 20, { what: "some more load" });
      const to = group.published;
      const fresh = () => group.handled.filter(({ number }) => number > from + 10 && number <= to);
      await until(() => fresh().length >= (to - from - 10) * keys.length * 2, { what: "that load to be handled" });
      for (const key of keys) {
        const members = new Set(fresh().flatMap((entry) => (entry.key === key ? [entry.member] : [])));
        expect(members.size, `of ${key}, on both topics`).toBe(1);
      }

      await second.close();
      const [left, right] = [count("a"), count("b")];
      await until(() => count("a") > left + 1_000, { what: "the first member's work on all" });
      expect(count("b"), "one that left handles nothing").toBe(right);
      expect(await stop()).not.toContain(false);
      await until(group.complete, { what: "all to be handled" });
      group.checkOrder();
      // Leaving commits what is handled: hardly anything comes twice.
      const repeats = group.handled.length - group.published * keys.length * 2;
      expect(repeats).toBeLessThan(group.handled.length / 10);
    });

    test("only what is handled is committed: the next process gets what one that was killed had in hand", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const groupId = `group-${crypto.randomUUID()}`;
      const member = () =>
        scope.start("test/broker/kafka/member.ts", { args: [kafka.brokers.join(","), groupId, topic] });
      const first = member();
      const sender = await startBroker({ extraTopics: [topic], partitions: 1 });
      const publish = (...bodies: string[]) =>
        sender.publish(bodies.map((body) => ({ topic, key: body.slice(0, 1), body })));
      await publish("a 1", "a 2", "a 3 hold", "a 4");
      await first.line("holds a 3 hold");
      await first.line("lag of 0 is 2");
      // In the same partition: these are handled, but stand behind one of a's that is not. Long enough for some commits.
      const begun = Date.now();
      for (let number = 5; Date.now() < begun + 500; number++) {
        await publish(`b ${number}`);
        await first.line(`handled b ${number}`);
      }
      await first.kill9();
      expect(first.stdout()).not.toContain("handled a 4");
      const second = member();
      await second.line("holds a 3 hold", 30_000);
      await second.line("handled b 5");
      expect(second.stdout(), "those before are committed").not.toContain("handled a");
    });

    test("tells the lag of a partition that grows while it is not read, too", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const { groupId } = testOptions(kafka.brokers);
      const lags = new Map<number, number>();
      const observer = { ...silent, lag: (_: string, at: number, messages: number) => void lags.set(at, messages) };
      const options = { groupId, partitions: 1, lagIntervalMs: 100 };
      const broker = scope.use(createKafkaBroker(testOptions(kafka.brokers, options), observer));
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      broker.subscribe(topic, { concurrency: 1 }, () => held);
      await broker.start();
      const publish = (from: number, to: number) =>
        broker.publish(Array.from({ length: to - from }, (_, at) => ({ topic, key: `k${from + at}`, body: "" })));
      await publish(0, 2_500);
      await until(() => lags.get(0) === 2_500, { what: "the lag of what was read" });
      await publish(2_500, 4_000);
      await until(() => lags.get(0) === 4_000, { what: "the lag of what is not read" });
      release();
      await until(() => lags.get(0) === 0, { what: "all to be handled" });
    });

    test("a partition that another member gets has no lag here any more", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const { groupId } = testOptions(kafka.brokers);
      const lags = new Map<number, number>();
      const observer = { ...silent, lag: (_: string, at: number, messages: number) => void lags.set(at, messages) };
      const member = async (told: typeof observer) => {
        const broker = createKafkaBroker(testOptions(kafka.brokers, { groupId, partitions: 2 }), told);
        scope.use(broker);
        broker.subscribe(topic, { concurrency: 1 }, () => held);
        await broker.start();
        return broker;
      };
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      try {
        const first = await member(observer);
        await first.publish(Array.from({ length: 40 }, (_, at) => ({ topic, key: `k${at}`, body: "" })));
        const both = () => [lags.get(0) ?? 0, lags.get(1) ?? 0];
        await until(() => both().every((messages) => messages > 0), { what: "both to be read" });
        await member({ ...observer, lag: () => {} });
        await until(() => both().includes(0), { what: "one to be lost" });
        expect(
          both().every((messages) => messages === 0),
          "the other is still read here",
        ).toBe(false);
      } finally {
        release(); // Members close only when their handlers have ended.
      }
    });

    test("one that leaves commits what it has handled", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const { groupId } = testOptions(kafka.brokers);
      const arrived: string[] = [];
      for (const body of ["1", "2"]) {
        const broker = createKafkaBroker(testOptions(kafka.brokers, { groupId, partitions: 1 }), silent);
        scope.use(broker);
        broker.subscribe(topic, { concurrency: 1 }, async (message) => void arrived.push(message.body));
        await broker.start();
        await broker.publish([{ topic, key: "a", body }]);
        await until(() => arrived.includes(body), { what: `message ${body}` });
        await broker.close();
      }
      expect(arrived).toEqual(["1", "2"]);
    });

    test("more than fits in hand waits in Kafka, and is handled in its order", async () => {
      const topic = `many-${crypto.randomUUID()}`;
      const bodies = Array.from({ length: 6_000 }, (_, at) => String(at));
      const arrived: string[] = [];
      const broker = createKafkaBroker(testOptions(kafka.brokers, { partitions: 1 }), silent);
      scope.use(broker);
      broker.subscribe(topic, { concurrency: 5 }, async ({ body }) => {
        if (arrived.length % 100 === 0) await new Promise(setImmediate);
        arrived.push(body);
      });
      await broker.start();
      await broker.publish(bodies.map((body) => ({ topic, key: "a", body })));
      await until(() => arrived.length === bodies.length, { what: "all" });
      expect(arrived).toEqual(bodies);
    });

    test("a message without key and value crashes nothing: it is poison like another", async () => {
      const topic = `cancel-${crypto.randomUUID()}`;
      const arrived: Message[] = [];
      const broker = createKafkaBroker(testOptions(kafka.brokers), silent);
      scope.use(broker);
      broker.subscribe(topic, { concurrency: 1 }, async (message) => {
        arrived.push(message);
        if (message.body === "") throw new SagaError("SAGA_MESSAGE_POISON", "empty");
      });
      await broker.start();
      await sendRaw(kafka.brokers, topic, { key: null, value: null });
      await until(() => arrived.length === 1, { what: "it" });
      expect(await broker.publish([{ topic, key: "a", body: "good" }])).toBe(true);
      await until(() => arrived.length === 2, { what: "the next" });
      expect(arrived).toEqual([
        { topic, key: "", body: "" },
        { topic, key: "a", body: "good" },
      ]);
      const reason = "SAGA_MESSAGE_POISON: empty";
      expect(await readDeadLetters(kafka.brokers, topic)).toEqual([{ key: "", body: "", reason }]);
    });

    test("the longest body that it says it carries, it carries", async () => {
      const topic = `longest-${crypto.randomUUID()}`;
      const arrived: Message[] = [];
      const broker = createKafkaBroker(testOptions(kafka.brokers, { maxMessageBytes: 5_000 }), silent);
      scope.use(broker);
      broker.subscribe(topic, { concurrency: 1 }, async (message) => void arrived.push(message));
      await broker.start();
      const message = { topic, key: "k".repeat(128), body: "x".repeat(broker.maxBodyBytes ?? 0) };
      expect(await broker.publish([message])).toBe(true);
      await until(() => arrived.length === 1, { what: "it" });
      expect(arrived).toEqual([message]);
      expect(message.body.length).toBeGreaterThan(4_000);
    });

    test("a message that Kafka refuses holds up no other; what comes behind it of its key waits", async () => {
      const topic = `big-${crypto.randomUUID()}`;
      const admin = testClient(kafka.brokers).admin();
      await admin.connect();
      const configEntries = [{ name: "max.message.bytes", value: "10000" }];
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }] });
      await admin.disconnect();
      const arrived: string[] = [];
      const failures: unknown[] = [];
      const broker = createKafkaBroker(testOptions(kafka.brokers), {
        ...silent,
        failed: (error) => failures.push(error),
      });
      scope.use(broker);
      broker.subscribe(topic, { concurrency: 5 }, async ({ body }) => void arrived.push(body));
      await broker.start();
      // All go in one request at first.
      const [big, behind, other] = [
        broker.publish([{ topic, key: "a", body: "x".repeat(20_000) }]),
        broker.publish([{ topic, key: "a", body: "behind" }]),
        broker.publish([{ topic, key: "b", body: "other" }]),
      ];
      expect(await other).toBe(true);
      await until(() => arrived.length > 0, { what: "the other" });
      expect(arrived).toEqual(["other"]);
      expect(String(failures[0])).toContain("larger");
      await broker.close();
      expect(await Promise.all([big, behind])).toEqual([false, false]);
    });

    const silent = { failed: () => {}, lag: () => {}, deadLettered: () => {} };

    async function startBroker(changed: Parameters<typeof testOptions>[1]): Promise<Broker> {
      const broker = createKafkaBroker(testOptions(kafka.brokers, changed), silent);
      scope.use(broker);
      await broker.start();
      return broker;
    }
  },
);
