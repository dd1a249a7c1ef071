import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import kafkajs, {
  type Admin,
  type Consumer,
  type ISocketFactory,
  type Kafka,
  type Producer,
  type RetryOptions,
} from "kafkajs";
import { coPartitionAssignor } from "./assignor.js";
import { kindOf, startError } from "./errors.js";
import type { KafkaBrokerOptions } from "./options.js";

/** Short: the sender and `createTopics` retry themselves. */
const shortRetry = { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };
const keepAliveMs = 60_000;
const createRetryMs = 300;
const disconnectTimeoutMs = 5_000;

/** kafkajs, set up for this broker. */
export class KafkaClient {
  readonly #options: KafkaBrokerOptions;
  readonly #kafka: Kafka;

  constructor(options: KafkaBrokerOptions) {
    this.#options = options;
    this.#kafka = this.#create(shortRetry);
  }

  /** An idempotent producer, not connected yet. */
  producer(): Producer {
    return this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: shortRetry,
    });
  }

  /** A consumer of the group, not connected yet. */
  consumer(): Consumer {
    const { groupId, sessionTimeoutMs = 30_000 } = this.#options;
    // While Kafka is away, the consumer keeps its membership as long as Kafka would. Were it to join as a new member,
    // the group would wait until the session of its former self ends.
    const retry = { ...shortRetry, retries: Math.ceil(sessionTimeoutMs / shortRetry.maxRetryTime) };
    return this.#create(retry).consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 60_000),
      heartbeatInterval: Math.min(3_000, sessionTimeoutMs / 10),
      partitionAssigners: [coPartitionAssignor(kafkajs.AssignerProtocol)],
      allowAutoTopicCreation: false,
      // A partition that is resumed waits for the current fetch to end.
      maxWaitTimeInMs: 200,
      retry: { ...retry, restartOnFailure: async () => false },
    });
  }

  /** The offset that the next message of each partition of a topic gets. */
  endOffsets(topic: string): Promise<ReadonlyMap<number, bigint>> {
    return this.#asAdmin(async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic);
      return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
    });
  }

  /**
   * Creates the topics that are missing. Retries until `startTimeoutMs`: Kafka may be starting, too.
   * @throws SagaError SAGA_BROKER_UNAVAILABLE, SAGA_CONFIG_INVALID
   */
  async createTopics(topics: readonly string[]): Promise<void> {
    const { startTimeoutMs = 10_000 } = this.#options;
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      let error: unknown = new Error(`no answer for ${startTimeoutMs} ms`);
      const attempt = this.#asAdmin((admin) => this.#createMissing(admin, topics)).then(
        () => true,
        (reason: unknown) => {
          error = reason;
          return false;
        },
      );
      if ((await within(deadline - Date.now(), attempt)) && (await attempt)) {
        return;
      }
      // Another broker may not know a topic yet that was just created.
      const transient = ["other", "rejected"].includes(kindOf(error));
      if (!transient || Date.now() + createRetryMs >= deadline) {
        throw startError(error, this.#options);
      }
      await new Promise((resolve) => setTimeout(resolve, createRetryMs));
    }
  }

  async #createMissing(admin: Admin, topics: readonly string[]): Promise<void> {
    const { partitions: numPartitions, replicationFactor, maxMessageBytes } = this.#options;
    const configEntries = [{ name: "max.message.bytes", value: String(maxMessageBytes) }];
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic));
    if (missing.length > 0) {
      await admin.createTopics({
        topics: missing.map((topic) => ({ topic, numPartitions, replicationFactor, configEntries })),
      });
    }
  }

  async #asAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = this.#kafka.admin({ retry: shortRetry });
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await disconnect(admin);
    }
  }

  #create(retry: RetryOptions): Kafka {
    const { brokers, clientId, sasl, tls, log } = this.#options;
    const { Kafka, logLevel } = kafkajs;
    return new Kafka({
      clientId,
      brokers: [...brokers],
      retry,
      connectionTimeout: 3_000,
      socketFactory,
      ...(sasl && { sasl }),
      ...(tls && { ssl: { ...tls } }),
      logLevel: log === undefined ? logLevel.NOTHING : logLevel.INFO,
      logCreator:
        () =>
        ({ log: { message, ...details } }) =>
          log?.(message, details),
    });
  }
}

/**
 * kafkajs parses answers in the socket's `data` event and throws there if the server is not Kafka. Node.js would end
 * the process; instead, the connection fails with that error.
 */
const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket: Socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setKeepAlive(true, keepAliveMs);
  // kafkajs adds a listener each time it closes a connection that has ended.
  socket.setMaxListeners(0);
  const on = socket.on.bind(socket) as (event: string, listener: (...args: unknown[]) => void) => Socket;
  const guarded = (event: string, listener: (...args: unknown[]) => void): Socket =>
    on(event, (...args) => {
      try {
        listener(...args);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        socket.destroy(new Error(`${host}:${port} does not answer as Kafka does: ${why}`));
      }
    });
  return Object.assign(socket, { on: guarded });
};

/** Disconnects, or gives up after some seconds. Never rejects. */
export async function disconnect(client: { disconnect(): Promise<void> }): Promise<void> {
  await within(disconnectTimeoutMs, client.disconnect());
}

/** Waits until the work has ended, at most this many ms. Never rejects. @returns whether it ended in time */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const ended = work.then(
    () => true,
    () => true,
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}
