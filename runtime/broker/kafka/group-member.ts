import type { Batch, Consumer, TopicPartitionOffset } from "kafkajs";
import { disconnect, type KafkaClient } from "./client.js";

/** The partitions of a member, by topic. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** Receives what happens to the member. */
export interface MemberListener {
  /** The group starts to assign its partitions: the last moment to commit. */
  rebalancing(): void;
  /** Batches come from the committed offsets of these partitions from now on. */
  assigned(partitions: Assignment): void;
  batch(batch: Batch): void;
  /** The membership has ended. The member joins again. */
  lost(error: unknown): void;
}

const restartMs = 500;

/**
 * This process as a member of the consumer group.
 *
 * - joining: connects, and joins. A failure leads to lost.
 * - joined: reads its partitions. kafkajs handles rebalances and short outages.
 * - lost: kafkajs gave up, or gives no sign of life. After a pause, a new consumer is joining.
 * - closed: has left the group, for good.
 */
export class GroupMember {
  readonly #client: KafkaClient;
  readonly #topics: string[];
  readonly #listener: MemberListener;
  readonly #silenceMs: number;
  /** Undefined when lost or closed. */
  #consumer: Consumer | undefined;
  /** Settles when the consumer has joined or failed. */
  #joining: Promise<void> = Promise.resolve();
  #joined = false;
  #watchdog: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;

  /** @param silenceMs how long the consumer may give no sign of life */
  constructor(client: KafkaClient, topics: readonly string[], silenceMs: number, listener: MemberListener) {
    this.#client = client;
    this.#topics = [...topics];
    this.#silenceMs = silenceMs;
    this.#listener = listener;
  }

  /** Joins the group, in the background. */
  join(): void {
    const consumer = this.#client.consumer();
    this.#consumer = consumer;
    const lost = (error: unknown) => this.#lose(consumer, error);
    // A consumer that is stuck would hold its partitions for ever.
    const silent = () => lost(new Error(`the Kafka consumer gave no sign of life for ${this.#silenceMs} ms`));
    const watchdog = setTimeout(silent, this.#silenceMs);
    this.#watchdog = watchdog;
    const { GROUP_JOIN, REBALANCING, FETCH, STOP, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.#consumer === consumer) {
        this.#joined = true;
        this.#listener.assigned(payload.memberAssignment);
      }
    });
    consumer.on(REBALANCING, () => this.#listener.rebalancing());
    consumer.on(FETCH, () => {
      if (this.#consumer === consumer) {
        watchdog.refresh();
      }
    });
    consumer.on(STOP, () => {
      if (this.#consumer === consumer) {
        this.#joined = false;
      }
    });
    consumer.on(CRASH, ({ payload }) => lost(payload.error));
    this.#joining = this.#run(consumer).catch(lost);
  }

  /** Reads nothing more from this partition, or from any. */
  pause(topic?: string, partition?: number): void {
    const topics = topic === undefined ? this.#topics : [topic];
    const partitions = partition === undefined ? {} : { partitions: [partition] };
    this.#group?.pause(topics.map((name) => ({ topic: name, ...partitions })));
  }

  resume(topic: string, partition: number): void {
    this.#group?.resume([{ topic, partitions: [partition] }]);
  }

  /** Does nothing if this is no member now: it will start from the committed offsets. */
  async commit(offsets: TopicPartitionOffset[]): Promise<void> {
    await this.#group?.commitOffsets(offsets);
  }

  /** Leaves the group. Never rejects. */
  async close(): Promise<void> {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#restart);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) {
      // A consumer that is disconnected while it joins would join all the same, and stay.
      await disconnect({ disconnect: () => this.#joining.then(() => consumer.disconnect()) });
    }
  }

  /** The consumer while it is a member: otherwise it has nothing to pause or to commit. */
  get #group(): Consumer | undefined {
    return this.#joined ? this.#consumer : undefined;
  }

  async #run(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: this.#topics, fromBeginning: true });
    if (this.#consumer === consumer) {
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          if (this.#consumer === consumer) {
            this.#listener.batch(batch);
          }
        },
      });
    }
  }

  #lose(consumer: Consumer, error: unknown): void {
    if (this.#consumer === consumer) {
      clearTimeout(this.#watchdog);
      this.#consumer = undefined;
      this.#joined = false;
      this.#listener.lost(error);
      void disconnect(consumer);
      this.#restart = setTimeout(() => this.join(), restartMs);
    }
  }
}
