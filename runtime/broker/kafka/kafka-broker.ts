import { isSagaError } from "../../core/errors.js";
import type { Message } from "../../journal/journal.js";
import type { Broker, BrokerObserver, Handler, SubscribeOptions } from "../broker.js";
import { deadLetterTopic } from "../dead-letter.js";
import type { Assignment, KafkaClient, OutgoingRecord } from "./client.js";
import { type GroupMember, joinGroup } from "./group-member.js";
import { type Arrival, createIntake } from "./intake.js";
import { createKafkajsClient } from "./kafkajs-client.js";
import { createLanes, type Lanes, type Outcome } from "./lanes.js";
import type { KafkaBrokerOptions } from "./options.js";
import { createSender } from "./sender.js";
import { createTopics } from "./start.js";
import { within } from "./time.js";

interface Subscription {
  readonly options: SubscribeOptions;
  readonly handler: Handler;
}

const commitIntervalMs = 100;

/** What Kafka adds to a body at most: the key (a request id) and the heads of record and batch, bytes. */
const overheadBytes = 512;

/**
 * The broker over Kafka: one consumer group, one topic a step. An offset is committed only when every message before it
 * is handled, so that none is lost; some may come twice after a crash, a rebalance or a lost acknowledgement.
 */
export function createKafkaBroker(
  options: KafkaBrokerOptions,
  observer: BrokerObserver,
  client: KafkaClient = createKafkajsClient(options),
): Broker {
  const { redeliveryDelayMs = 1_000, closeTimeoutMs = 5_000, sessionTimeoutMs = 30_000, extraTopics = [] } = options;
  const { lagIntervalMs = 5_000 } = options;
  const subscriptions = new Map<string, Subscription>();
  const lanes = new Map<string, Lanes<Arrival>>();
  const sender = createSender(client, (error, topic) => observer.failed(error, topic));
  const intake = createIntake({
    consumer: () => member?.consumer,
    lag: (topic, partition, messages) => observer.lag(topic, partition, messages),
    ends: client.ends,
    endsFailed: (error) => observer.failed(error, undefined),
    commitIntervalMs,
    lagIntervalMs,
    commitFailed(error) {
      if (client.kindOf(error) !== "rebalancing") {
        observer.failed(error, undefined);
      }
    },
  });
  let member: GroupMember | undefined;
  let closing: Promise<void> | undefined;

  async function deliver(arrival: Arrival, handler: Handler): Promise<Outcome> {
    const { topic, record } = arrival;
    const message = { topic, key: record.key?.toString() ?? "", body: record.value?.toString() ?? "" };
    try {
      await handler(message);
    } catch (error) {
      observer.failed(error, topic);
      const poison = isSagaError(error) && error.code === "SAGA_MESSAGE_POISON";
      return poison ? { doneWhen: bury(arrival, error.message) } : "again";
    }
    arrival.handled();
    return "done";
  }

  async function bury(arrival: Arrival, reason: string): Promise<void> {
    const { topic, partition, record } = arrival;
    const headers = { reason, topic, partition: String(partition), offset: String(record.offset) };
    // As it came: it may be no UTF-8.
    const dead = { topic: deadLetterTopic(topic), key: record.key, value: record.value, headers };
    if (await sender.send([dead])) {
      arrival.handled();
      observer.buried(topic, reason);
    }
  }

  function forget(assigned?: Assignment): void {
    intake.reset(assigned);
    for (const topicLanes of lanes.values()) {
      topicLanes.clear();
    }
  }

  function join(): GroupMember {
    for (const [
      topic,
      {
        options: { concurrency },
        handler,
      },
    ] of subscriptions) {
      const deliverOne = (arrival: Arrival) => deliver(arrival, handler);
      lanes.set(topic, createLanes({ concurrency, redeliveryDelayMs, deliver: deliverOne }));
    }
    return joinGroup(
      client,
      [...subscriptions.keys()],
      {
        rebalancing: () => void intake.commit(),
        assigned: forget,
        batch(batch) {
          if (closing !== undefined) {
            return;
          }
          for (const arrival of intake.take(batch)) {
            lanes.get(batch.topic)?.add(arrival.record.key?.toString() ?? "", arrival);
          }
        },
        crashed(error) {
          forget();
          observer.failed(error, undefined);
        },
      },
      // A join may take as long as the slowest member may be silent.
      2 * Math.max(sessionTimeoutMs, 60_000),
    );
  }

  async function leave(): Promise<void> {
    intake.pauseAll();
    // Handlers may still send. Where Kafka is away they would wait for ever.
    const giveUp = setInterval(() => {
      if (sender.waitingMs() > closeTimeoutMs) {
        void sender.close(0);
      }
    }, closeTimeoutMs / 10);
    await Promise.all([...lanes.values()].map((topicLanes) => topicLanes.close()));
    clearInterval(giveUp);
    await within(closeTimeoutMs, intake.commit());
    await Promise.all([member?.close(), sender.close(closeTimeoutMs)]);
    intake.reset();
  }

  return {
    maxBodyBytes: options.maxMessageBytes - overheadBytes,
    publish(messages) {
      return sender.send(messages.map(toRecord));
    },
    subscribe(topic, subscribeOptions, handler) {
      subscriptions.set(topic, { options: subscribeOptions, handler });
    },
    async start() {
      const own = [...subscriptions.keys()];
      const topics = new Set([...own, ...own.map(deadLetterTopic), ...extraTopics]);
      await createTopics(client, options, [...topics]);
      if (closing !== undefined) {
        return;
      }
      sender.open(topics);
      if (own.length > 0) {
        member = join();
      }
    },
    close() {
      closing ??= leave();
      return closing;
    },
  };
}

function toRecord({ topic, key, body }: Message): OutgoingRecord {
  return { topic, key, value: body };
}
