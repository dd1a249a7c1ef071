import type { Batch } from "kafkajs";
import type { BrokerObserver } from "../broker.js";
import type { KafkaClient } from "./client.js";
import { kindOf } from "./errors.js";
import type { Assignment, GroupMember } from "./group-member.js";

/** How long an offset may wait to be committed, ms. */
const commitIntervalMs = 100;

/** A partition with more unhandled messages than this is paused, and resumed when half of them are handled. */
const limits = { messages: 2_000, bytes: 8 * 1024 * 1024 };

/** The offsets of one partition that is assigned to this member. */
export class Partition {
  readonly topic: string;
  readonly number: number;
  /** The messages that are not handled, in the order of their offsets, with their sizes. */
  readonly #unhandled = new Map<bigint, number>();
  #bytes = 0;
  /** The offset after the last message that was read. */
  #next: bigint;
  /** The offset that the partition's next message gets, as far as is known. */
  end: bigint;
  committed: bigint;
  paused = false;

  /** @param begin the first offset that is read */
  constructor(topic: string, number: number, begin: bigint) {
    this.topic = topic;
    this.number = number;
    this.#next = begin;
    this.end = begin;
    this.committed = begin;
  }

  /** Call it in the order of the offsets. */
  add(offset: bigint, bytes: number): void {
    this.#unhandled.set(offset, bytes);
    this.#bytes += bytes;
    this.#next = offset + 1n;
  }

  handled(offset: bigint): void {
    this.#bytes -= this.#unhandled.get(offset) ?? 0;
    this.#unhandled.delete(offset);
  }

  /** The offset to commit: all messages before it are handled. */
  get position(): bigint {
    const { value } = this.#unhandled.keys().next();
    return value ?? this.#next;
  }

  get lag(): number {
    return Number(this.end - this.position);
  }

  /** Whether there is more to handle than this share of the limits. */
  exceeds(share: number): boolean {
    return this.#unhandled.size > limits.messages * share || this.#bytes > limits.bytes * share;
  }
}

/**
 * The partitions of this member: commits what is handled, pauses what comes faster than it is handled, reports the lag.
 */
export class Partitions {
  readonly #member: GroupMember;
  readonly #client: KafkaClient;
  readonly #observer: BrokerObserver;
  readonly #lagTimer: NodeJS.Timeout;
  #partitions = new Map<string, Partition>();
  #committing: Promise<void> = Promise.resolve();
  #commitTimer: NodeJS.Timeout | undefined;
  #readingEnds = false;

  /** @param lagIntervalMs how often the lag of paused partitions is reported: no batch shows how they grow */
  constructor(member: GroupMember, client: KafkaClient, observer: BrokerObserver, lagIntervalMs: number) {
    this.#member = member;
    this.#client = client;
    this.#observer = observer;
    this.#lagTimer = setInterval(() => void this.#readEnds(), lagIntervalMs).unref();
  }

  /** Adds the messages of a batch. @returns a function to call once the message of an offset is handled for good */
  add({ topic, partition: number, highWatermark, messages }: Batch): (offset: string) => void {
    const name = `${topic}/${number}`;
    const partition =
      this.#partitions.get(name) ?? new Partition(topic, number, BigInt(messages[0]?.offset ?? highWatermark));
    this.#partitions.set(name, partition);
    partition.end = BigInt(highWatermark);
    for (const { offset, key, value } of messages) {
      partition.add(BigInt(offset), (key?.length ?? 0) + (value?.length ?? 0));
    }
    this.#reportLag(partition);
    if (!partition.paused && partition.exceeds(1)) {
      partition.paused = true;
      this.#member.pause(topic, number);
    }
    return (offset) => {
      partition.handled(BigInt(offset));
      // Another member may have the partition by now.
      if (this.#partitions.get(name) === partition) {
        this.#commitTimer ??= setTimeout(() => void this.commit(), commitIntervalMs);
        if (partition.paused && !partition.exceeds(0.5)) {
          partition.paused = false;
          this.#member.resume(topic, number);
        }
      }
    };
  }

  /** Forgets all partitions: what is not committed is read again. @param assigned the partitions of this member now */
  reset(assigned?: Assignment): void {
    for (const { topic, number, paused } of this.#partitions.values()) {
      // kafkajs remembers what is paused.
      if (paused) {
        this.#member.resume(topic, number);
      }
      if (assigned !== undefined && !assigned[topic]?.includes(number)) {
        this.#observer.lag(topic, number, 0);
      }
    }
    this.#partitions = new Map();
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
  }

  /** Commits what is handled, after the commit that is in flight. Never rejects. */
  commit(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    this.#committing = this.#committing.then(() => this.#commit());
    return this.#committing;
  }

  close(): void {
    clearInterval(this.#lagTimer);
    this.reset();
  }

  async #commit(): Promise<void> {
    const ahead = [...this.#partitions.values()]
      .map((partition) => ({ partition, position: partition.position }))
      .filter(({ partition, position }) => position > partition.committed);
    const offsets = ahead.map(({ partition: { topic, number }, position }) => {
      return { topic, partition: number, offset: String(position) };
    });
    if (ahead.length === 0) {
      return;
    }
    try {
      await this.#member.commit(offsets);
    } catch (error) {
      if (kindOf(error) !== "rebalancing") {
        this.#observer.failed(error, undefined);
      }
      this.#commitTimer ??= setTimeout(() => void this.commit(), commitIntervalMs);
      return;
    }
    for (const { partition, position } of ahead) {
      partition.committed = position;
      this.#reportLag(partition);
    }
  }

  #reportLag({ topic, number, lag }: Partition): void {
    this.#observer.lag(topic, number, lag);
  }

  async #readEnds(): Promise<void> {
    const partitions = [...this.#partitions.values()].filter(({ paused }) => paused);
    if (this.#readingEnds || partitions.length === 0) {
      return;
    }
    this.#readingEnds = true;
    try {
      for (const topic of new Set(partitions.map((partition) => partition.topic))) {
        const ends = await this.#client.endOffsets(topic);
        for (const partition of partitions.filter((one) => one.topic === topic)) {
          partition.end = ends.get(partition.number) ?? partition.end;
        }
      }
    } catch (error) {
      this.#observer.failed(error, undefined);
    } finally {
      this.#readingEnds = false;
    }
    // Skips partitions that were reassigned meanwhile.
    for (const partition of partitions) {
      if (this.#partitions.get(`${partition.topic}/${partition.number}`) === partition) {
        this.#reportLag(partition);
      }
    }
  }
}
