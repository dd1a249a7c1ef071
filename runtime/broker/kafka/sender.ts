import { setTimeout as sleep } from "node:timers/promises";
import type { Message, Producer, TopicMessages } from "kafkajs";
import { SagaError } from "../../core/errors.js";
import { disconnect, within } from "./client.js";
import { kindOf } from "./errors.js";

/** A message to send. Its partition follows from its key. */
export interface OutgoingMessage extends Pick<Message, "value" | "headers"> {
  readonly topic: string;
  readonly key: string | Buffer | null;
}

/** What one call of `send` has sent. */
interface Publication {
  unsent: number;
  settle(sent: boolean): void;
}

interface Unsent {
  readonly message: OutgoingMessage;
  readonly bytes: number;
  readonly publication: Publication;
}

/** The messages of a key that wait because Kafka rejected the first of them. */
interface Rejected {
  attempts: number;
  waiting: Unsent[];
  timer: NodeJS.Timeout | undefined;
}

/** The size of a request. Kafka's default limit for what one partition gets in a request is 1 MiB. */
const batchBytes = 512 * 1024;
const minBackoffMs = 100;
const maxBackoffMs = 2_000;
const minRejectedMs = 500;
const maxRejectedMs = 30_000;

/**
 * Sends messages in order, and retries until it is closed. One request is in flight at a time, which keeps the order;
 * messages that come meanwhile share the next request. A message that Kafka rejects holds up only those of its key.
 */
export class Sender {
  readonly #createProducer: () => Producer;
  readonly #failed: (error: unknown, topic?: string) => void;
  readonly #stop = new AbortController();
  readonly #publications = new Set<Publication>();
  readonly #rejected = new Map<string, Rejected>();
  readonly #unknownTopics = new Set<string>();
  #topics: ReadonlySet<string> = new Set();
  #queue: Unsent[] = [];
  /** How many of the first messages are sent one by one, because one of them was rejected. */
  #single = 0;
  #producer: Producer | undefined;
  #backoffMs = minBackoffMs;
  #loop: Promise<void> = Promise.resolve();
  #wake = () => {};
  #closing = false;
  /** How long a publication may take, ms; undefined: as long as it needs. */
  #timeoutMs: number | undefined;

  /** @param failed receives each failure, and the topic if it concerns one */
  constructor(createProducer: () => Producer, failed: (error: unknown, topic?: string) => void) {
    this.#createProducer = createProducer;
    this.#failed = failed;
  }

  /** @returns true once all messages are acknowledged, false if the sender is closed before that */
  send(messages: readonly OutgoingMessage[]): Promise<boolean> {
    if (this.#closing || messages.length === 0) {
      return Promise.resolve(messages.length === 0);
    }
    return new Promise((resolve) => {
      const publication: Publication = {
        unsent: messages.length,
        settle: (sent) => {
          this.#publications.delete(publication);
          resolve(sent);
        },
      };
      this.#publications.add(publication);
      this.#limit(publication);
      for (const message of messages) {
        this.#queue.push({ message, bytes: sizeOf(message), publication });
      }
      this.#wake();
    });
  }

  /** Starts to send. @param topics the topics that exist; messages to others are kept until the sender is closed */
  start(topics: ReadonlySet<string>): void {
    this.#topics = topics;
    this.#loop = this.#run();
  }

  /** From now on, `send` gives up after this many ms. */
  limitTo(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    for (const publication of this.#publications) {
      this.#limit(publication);
    }
  }

  /** Sends what it can within this many ms, and gives up the rest. */
  async close(timeoutMs: number): Promise<void> {
    this.#closing = true;
    this.#wake();
    await within(timeoutMs, this.#loop);
    this.#stop.abort();
    await this.#dropProducer();
    for (const { timer } of this.#rejected.values()) {
      clearTimeout(timer);
    }
    for (const publication of this.#publications) {
      publication.settle(false);
    }
  }

  #limit(publication: Publication): void {
    if (this.#timeoutMs !== undefined) {
      setTimeout(() => publication.settle(false), this.#timeoutMs).unref();
    }
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const batch = this.#takeBatch();
      if (batch.length > 0) {
        await this.#attempt(batch);
      } else if (this.#closing) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** The next messages that fit in a request, without those whose key waits. */
  #takeBatch(): Unsent[] {
    const batch: Unsent[] = [];
    let bytes = 0;
    let taken = 0;
    for (const unsent of this.#queue) {
      if (batch.length > 0 && (bytes + unsent.bytes > batchBytes || this.#single > 0)) {
        break;
      }
      taken++;
      const rejected = this.#rejected.get(keyOf(unsent));
      if (rejected?.timer !== undefined) {
        rejected.waiting.push(unsent);
      } else if (this.#knows(unsent.message.topic)) {
        batch.push(unsent);
        bytes += unsent.bytes;
      }
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#single = Math.max(0, this.#single - taken);
    return batch;
  }

  /** Kafka would reject the whole request because of one unknown topic. */
  #knows(topic: string): boolean {
    const known = this.#topics.has(topic);
    if (!known && !this.#unknownTopics.has(topic)) {
      this.#unknownTopics.add(topic);
      this.#failed(new SagaError("SAGA_INTERNAL", `unknown topic ${topic}: messages to it are not sent`), topic);
    }
    return known;
  }

  async #attempt(batch: readonly Unsent[]): Promise<void> {
    try {
      if (this.#producer === undefined) {
        this.#producer = this.#createProducer();
        await this.#producer.connect();
      }
      await this.#producer.sendBatch({ acks: -1, topicMessages: topicMessagesOf(batch) });
    } catch (error) {
      await this.#recover(batch, error);
      return;
    }
    this.#backoffMs = minBackoffMs;
    for (const unsent of batch) {
      this.#rejected.delete(keyOf(unsent));
      const { publication } = unsent;
      publication.unsent--;
      if (publication.unsent === 0) {
        publication.settle(true);
      }
    }
  }

  async #recover(batch: readonly Unsent[], error: unknown): Promise<void> {
    const [first] = batch;
    this.#failed(error, batch.length === 1 ? first?.message.topic : undefined);
    const rejected = kindOf(error) === "rejected";
    if (rejected && first !== undefined && batch.length === 1) {
      this.#reject(first);
      return;
    }
    this.#queue = [...batch, ...this.#queue];
    if (rejected) {
      this.#single = Math.max(this.#single, batch.length);
      return;
    }
    // Its sequence numbers are in doubt: Kafka could take the next messages for repeats.
    await this.#dropProducer();
    await sleep(this.#backoffMs, undefined, { signal: this.#stop.signal }).catch(() => {}); // Rejects when aborted.
    this.#backoffMs = Math.min(this.#backoffMs * 2, maxBackoffMs);
  }

  /** Lets a message wait that Kafka rejected, and with it all of its key; longer each time. */
  #reject(unsent: Unsent): void {
    const key = keyOf(unsent);
    const rejected = this.#rejected.get(key) ?? { attempts: 0, waiting: [], timer: undefined };
    this.#rejected.set(key, rejected);
    rejected.waiting.unshift(unsent);
    const delayMs = Math.min(minRejectedMs * 2 ** rejected.attempts++, maxRejectedMs);
    rejected.timer = setTimeout(() => {
      this.#queue = [...rejected.waiting, ...this.#queue];
      this.#single = Math.max(this.#single, rejected.waiting.length);
      rejected.waiting = [];
      rejected.timer = undefined;
      this.#wake();
    }, delayMs);
  }

  async #dropProducer(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) {
      await disconnect(producer);
    }
  }
}

function keyOf({ message: { topic, key } }: Unsent): string {
  return `${topic}\0${key}`;
}

function sizeOf({ key, value }: OutgoingMessage): number {
  return (key?.length ?? 0) + (value === null ? 0 : Buffer.byteLength(value)) + 100;
}

function topicMessagesOf(batch: readonly Unsent[]): TopicMessages[] {
  const topics = new Map<string, Message[]>();
  for (const { message } of batch) {
    const { topic, ...rest } = message;
    const messages = topics.get(topic) ?? [];
    messages.push(rest);
    topics.set(topic, messages);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
