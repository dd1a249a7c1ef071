import kafkajs, {
  type Admin,
  type Cluster,
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type KafkaConfig,
  type PartitionAssigner,
  type TopicMessages,
} from "kafkajs";
import type { ConsumerListener, KafkaClient, KafkaConsumer, OutgoingRecord } from "./client.js";
import { coPartition } from "./co-partition.js";
import { kindOf } from "./kafkajs-errors.js";
import type { KafkaBrokerOptions, KafkaLog, KafkaTls } from "./options.js";
import { openSocket } from "./socket.js";
import { within } from "./time.js";

// kafkajs is CommonJS, and not all of its names can be imported by name.
const { AssignerProtocol, Kafka, logLevel, Partitioners } = kafkajs;

/** Short: whoever is waited for longer is made anew by us. */
const retry = { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };
/** A join takes several attempts where others join, too. */
const consumerRetry = { ...retry, retries: 10, restartOnFailure: async () => false };
/** How long a fetch waits for a message, ms: so long may pass until a partition that was paused is read again. */
const maxWaitTimeInMs = 200;
const disconnectTimeoutMs = 5_000;

/** The client over kafkajs: the only file that knows of it. */
export function createKafkajsClient(options: KafkaBrokerOptions): KafkaClient {
  const { clientId, groupId, sessionTimeoutMs = 30_000 } = options;
  const kafka = new Kafka(toConfig(options));
  /** The last member that this client was, and until when the group waits for it. */
  let last: { readonly id: string; gone?: number } | undefined;

  return {
    kindOf,
    createTopics: (topics, { partitions, replicationFactor, maxMessageBytes }) =>
      asAdmin(async (admin) => {
        const known = new Set(await admin.listTopics());
        const missing = topics.filter((topic) => !known.has(topic));
        if (missing.length > 0) {
          const configEntries = [{ name: "max.message.bytes", value: String(maxMessageBytes) }];
          await admin.createTopics({
            topics: missing.map((topic) => ({ topic, numPartitions: partitions, replicationFactor, configEntries })),
          });
        }
      }),
    ends: (topic) =>
      asAdmin(async (admin) => {
        const offsets = await admin.fetchTopicOffsets(topic);
        return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
      }),
    async openProducer() {
      const producer = kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        retry,
      });
      const close = async () => void (await within(disconnectTimeoutMs, producer.disconnect()));
      try {
        await producer.connect();
      } catch (error) {
        await close();
        throw error;
      }
      return {
        close,
        async send(records) {
          await producer.sendBatch({ acks: -1, topicMessages: toTopicMessages(records) });
        },
      };
    },
    consume(topics, listener) {
      let cluster: Cluster | undefined;
      const consumer = kafka.consumer({
        groupId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: Math.max(sessionTimeoutMs, 60_000),
        heartbeatInterval: Math.min(3_000, sessionTimeoutMs / 10),
        partitionAssigners: [
          (config) => {
            ({ cluster } = config);
            return coPartitionAssigner(config);
          },
        ],
        allowAutoTopicCreation: false,
        maxWaitTimeInMs,
        retry: consumerRetry,
      });
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        last = { id: payload.memberId };
      });
      return startConsumer(consumer, topics, listener, () => removeLast(cluster));
    },
  };

  async function asAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = kafka.admin({ retry });
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await within(disconnectTimeoutMs, admin.disconnect());
    }
  }

  /**
   * A member that crashed could not leave: until its session ends, the group would wait for it. Rejects where that can't
   * be told to the group's coordinator, as one that is still starting: a member that joins now would wait, too.
   */
  async function removeLast(cluster: Cluster | undefined): Promise<void> {
    const member = last;
    if (member === undefined) {
      return;
    }
    member.gone ??= Date.now() + sessionTimeoutMs;
    try {
      const coordinator = await cluster?.findGroupCoordinator({ groupId });
      await (coordinator as unknown as Leavable | undefined)?.leaveGroup({ groupId, memberId: member.id });
    } catch (error) {
      // Otherwise it is gone already.
      if (kindOf(error) !== "rebalancing" && Date.now() < member.gone) {
        throw error;
      }
    }
    if (last === member) {
      last = undefined;
    }
  }

  function toConfig({ brokers, sasl, tls, log }: KafkaBrokerOptions): KafkaConfig {
    return {
      clientId,
      brokers: [...brokers],
      retry,
      connectionTimeout: 3_000,
      socketFactory: ({ host, port, ssl, onConnect }) => openSocket({ host, port, ssl: ssl || undefined, onConnect }),
      ...(sasl && { sasl: sasl as NonNullable<KafkaConfig["sasl"]> }),
      ...(tls && { ssl: toTls(tls) }),
      logLevel: log === undefined ? logLevel.NOTHING : logLevel.INFO,
      logCreator:
        () =>
        ({ level, log: { message, ...details } }) => {
          // That we make the producer anew is on purpose.
          if (!message.startsWith("Limiting retries for the idempotent producer")) {
            log?.(levels[level] ?? "debug", message, details);
          }
        },
    };
  }
}

/** kafkajs's broker has this, and does not declare it. */
interface Leavable {
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
}

function startConsumer(
  consumer: Consumer,
  topics: readonly string[],
  listener: ConsumerListener,
  beforeJoin: () => Promise<void>,
): KafkaConsumer {
  // Unlike the consumer's own commitOffsets it tries once: a repeat could fall into the next assignment.
  let commitOnce: EachBatchPayload["commitOffsetsIfNecessary"] | undefined;
  let closed = false;
  const unlessClosed = (tell: () => void) => () => {
    if (!closed) {
      tell();
    }
  };
  const crashed = (error: unknown) => unlessClosed(() => listener.crashed(error))();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) =>
    unlessClosed(() => listener.assigned(new Map(Object.entries(memberAssignment))))(),
  );
  consumer.on(consumer.events.REBALANCING, unlessClosed(listener.rebalancing));
  consumer.on(consumer.events.FETCH, unlessClosed(listener.alive));
  consumer.on(consumer.events.CRASH, ({ payload }) => crashed(payload.error));

  async function run(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await beforeJoin();
    if (closed) {
      return; // It would join after all, and nobody would have it leave.
    }
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch: { topic, partition, highWatermark, messages }, commitOffsetsIfNecessary }) {
        commitOnce = commitOffsetsIfNecessary;
        const records = messages.map((message) => ({
          offset: BigInt(message.offset),
          key: message.key,
          value: message.value,
          headers: toHeaders(message.headers),
        }));
        unlessClosed(() => listener.batch({ topic, partition, end: BigInt(highWatermark), records }))();
      },
    });
  }
  run().catch(crashed);

  return {
    pause: (topic, partition) => consumer.pause([{ topic, partitions: [partition] }]),
    resume: (topic, partition) => consumer.resume([{ topic, partitions: [partition] }]),
    async commit(offsets) {
      const topics = [...byTopic(offsets)].map(([topic, entries]) => ({
        topic,
        partitions: entries.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
      }));
      if (commitOnce === undefined) {
        throw new Error("nothing was read that could be committed");
      }
      await commitOnce({ topics });
    },
    async close() {
      closed = true;
      await within(disconnectTimeoutMs, consumer.disconnect());
    },
  };
}

/** See {@link coPartition}; the rest is how the members tell each other by way of Kafka. */
const coPartitionAssigner: PartitionAssigner = ({ cluster }) => {
  const name = "protosaga-co-partition";
  const version = 1;
  return {
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }),
    async assign({ members }) {
      const decoded = members.map(({ memberId, memberMetadata }) => ({
        id: memberId,
        topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
      }));
      // The leader may not know the topics of members of another version.
      await cluster.addMultipleTargetTopics([...new Set(decoded.flatMap(({ topics }) => topics))]);
      const assignment = coPartition(decoded, (topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      );
      return [...assignment].map(([memberId, topics]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version,
          assignment: Object.fromEntries([...topics].map(([topic, partitions]) => [topic, [...partitions]])),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  };
};

const levels: Readonly<Record<number, Parameters<KafkaLog>[0]>> = {
  [logLevel.ERROR]: "error",
  [logLevel.WARN]: "warn",
  [logLevel.INFO]: "info",
};

function toTls({ ca, cert, key }: KafkaTls): NonNullable<KafkaConfig["ssl"]> {
  return {
    ...(ca && { ca: Buffer.from(ca) }),
    ...(cert && { cert: Buffer.from(cert) }),
    ...(key && { key: Buffer.from(key) }),
  };
}

const noHeaders: ReadonlyMap<string, string> = new Map();

function toHeaders(headers: IHeaders | undefined): ReadonlyMap<string, string> {
  const entries = Object.entries(headers ?? {});
  return entries.length === 0 ? noHeaders : new Map(entries.map(([name, value]) => [name, String(value)]));
}

function toTopicMessages(records: readonly OutgoingRecord[]): TopicMessages[] {
  return [...byTopic(records)].map(([topic, entries]) => ({
    topic,
    messages: entries.map(({ key, value, headers }) => ({
      key,
      value,
      ...(headers && { headers: { ...headers } }),
    })),
  }));
}

function byTopic<Entry extends { readonly topic: string }>(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.topic);
    group ? group.push(entry) : groups.set(entry.topic, [entry]);
  }
  return groups;
}
