import type { Batch, KafkaMessage } from "kafkajs";
import { isSagaError } from "../../core/errors.js";
import type { Message } from "../../journal/journal.js";
import { type Broker, type BrokerObserver, deadLetterTopic, type Handler, type SubscribeOptions } from "../broker.js";
import { type Slot, TopicQueue } from "../topic-queue.js";
import { KafkaClient, within } from "./client.js";
import { type Assignment, GroupMember } from "./group-member.js";
import type { KafkaBrokerOptions } from "./options.js";
import { Partitions } from "./partitions.js";
import { Sender } from "./sender.js";

/** What Kafka adds to a body at most: the key, a request id, and the headers of record and batch, bytes. */
const overheadBytes = 512;

/** Makes the broker over Kafka: one consumer group; one topic for each step and rollback. */
export function createKafkaBroker(options: KafkaBrokerOptions, observer: BrokerObserver): Broker {
  return new KafkaBroker(new KafkaClient(options), options, observer);
}

interface Subscription {
  readonly concurrency: number;
  readonly queue: TopicQueue<Delivery>;
}

interface Delivery {
  readonly partition: number;
  readonly record: KafkaMessage;
  handled(): void;
}

/**
 * An offset is committed only when every message before it is handled, so that none is lost. Some are delivered twice
 * after a crash, a rebalance or a lost acknowledgement.
 */
class KafkaBroker implements Broker {
  readonly maxBodyBytes: number;
  readonly #options: KafkaBrokerOptions;
  readonly #observer: BrokerObserver;
  readonly #client: KafkaClient;
  readonly #sender: Sender;
  readonly #subscriptions = new Map<string, Subscription>();
  #member: GroupMember | undefined;
  #partitions: Partitions | undefined;
  #closing: Promise<void> | undefined;

  constructor(client: KafkaClient, options: KafkaBrokerOptions, observer: BrokerObserver) {
    this.maxBodyBytes = options.maxMessageBytes - overheadBytes;
    this.#options = options;
    this.#observer = observer;
    this.#client = client;
    this.#sender = new Sender(
      () => client.producer(),
      (error, topic) => observer.failed(error, topic),
    );
  }

  publish(messages: readonly Message[]): Promise<boolean> {
    return this.#sender.send(messages.map(({ topic, key, body }) => ({ topic, key, value: body })));
  }

  subscribe(topic: string, { concurrency }: SubscribeOptions, handler: Handler): void {
    const { redeliveryDelayMs = 1_000 } = this.#options;
    const queue = new TopicQueue<Delivery>({
      deliver: (delivery, slot) => this.#deliver(topic, handler, delivery, slot),
      redeliveryDelayMs,
      maxRedeliveryDelayMs: redeliveryDelayMs,
    });
    this.#subscriptions.set(topic, { concurrency, queue });
  }

  async start(): Promise<void> {
    const { extraTopics = [], sessionTimeoutMs = 30_000, lagIntervalMs = 5_000 } = this.#options;
    const subscribed = [...this.#subscriptions.keys()];
    const topics = new Set([...subscribed, ...subscribed.map(deadLetterTopic), ...extraTopics]);
    await this.#client.createTopics([...topics]);
    if (this.#closing !== undefined) {
      return;
    }
    this.#sender.start(topics);
    if (subscribed.length > 0) {
      for (const { concurrency, queue } of this.#subscriptions.values()) {
        queue.slots.setLimit(concurrency);
      }
      // A join takes as long as the slowest member may be silent.
      const silenceMs = 2 * Math.max(sessionTimeoutMs, 60_000);
      const member = new GroupMember(this.#client, subscribed, silenceMs, {
        rebalancing: () => void partitions.commit(),
        assigned: (assignment) => this.#forget(assignment),
        batch: (batch) => this.#receive(partitions, batch),
        lost: (error) => {
          this.#forget();
          this.#observer.failed(error, undefined);
        },
      });
      const partitions = new Partitions(member, this.#client, this.#observer, lagIntervalMs);
      this.#member = member;
      this.#partitions = partitions;
      member.join();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  #receive(partitions: Partitions, batch: Batch): void {
    const { topic, partition, messages } = batch;
    if (this.#closing === undefined) {
      const handled = partitions.add(batch);
      for (const record of messages) {
        const delivery = { partition, record, handled: () => handled(record.offset) };
        this.#subscriptions.get(topic)?.queue.add(record.key?.toString() ?? "", delivery);
      }
    }
  }

  async #deliver(topic: string, handler: Handler, delivery: Delivery, slot: Slot): Promise<"done" | "again"> {
    const { record, handled } = delivery;
    try {
      await handler({ topic, key: record.key?.toString() ?? "", body: record.value?.toString() ?? "" });
      handled();
      return "done";
    } catch (error) {
      this.#observer.failed(error, topic);
      if (!isSagaError(error) || error.code !== "SAGA_MESSAGE_POISON") {
        return "again";
      }
      slot.freeSlot();
      await this.#addDeadLetter(topic, delivery, error.message);
      return "done";
    }
  }

  async #addDeadLetter(topic: string, { partition, record, handled }: Delivery, reason: string): Promise<void> {
    const headers = { reason, topic, partition: String(partition), offset: record.offset };
    // As it was received: it may be no UTF-8.
    const letter = { topic: deadLetterTopic(topic), key: record.key, value: record.value, headers };
    if (await this.#sender.send([letter])) {
      handled();
      this.#observer.deadLettered(topic, reason);
    }
  }

  /** Drops what waits for delivery: it is read again, here or by another member. */
  #forget(assigned?: Assignment): void {
    this.#partitions?.reset(assigned);
    for (const { queue } of this.#subscriptions.values()) {
      queue.clear();
    }
  }

  async #leave(): Promise<void> {
    const { closeTimeoutMs = 5_000 } = this.#options;
    this.#member?.pause();
    // Handlers may still send, and must not wait for ever.
    this.#sender.limitTo(closeTimeoutMs);
    await Promise.all([...this.#subscriptions.values()].map(({ queue }) => queue.close()));
    await within(closeTimeoutMs, Promise.resolve(this.#partitions?.commit()));
    await Promise.all([this.#member?.close(), this.#sender.close(closeTimeoutMs)]);
    this.#partitions?.close();
  }
}
