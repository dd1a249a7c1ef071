import kafkajs, { type KafkaMessage } from "kafkajs";
import { deadLetterTopic } from "../../../runtime/broker/broker.js";
import type { KafkaBrokerOptions } from "../../../runtime/broker/kafka/options.js";
import { until } from "../until.js";

/** Options for a test: its own group, and short times. */
export function testOptions(brokers: readonly string[], changed: Partial<KafkaBrokerOptions> = {}): KafkaBrokerOptions {
  return {
    brokers,
    clientId: "test",
    groupId: `group-${crypto.randomUUID()}`,
    partitions: 3,
    maxMessageBytes: 8 * 1024 * 1024,
    replicationFactor: 1,
    sessionTimeoutMs: 6_000,
    redeliveryDelayMs: 20,
    ...changed,
  };
}

/** A client of the test's own. */
export function testClient(brokers: readonly string[]): kafkajs.Kafka {
  return new kafkajs.Kafka({ clientId: "test", brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
}

/** Resolves once the brokers serve producers. A new broker accepts connections a little earlier. */
export async function brokersReady(brokers: readonly string[]): Promise<void> {
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const answers = async () => {
    const producer = testClient(brokers).producer({ idempotent: true, createPartitioner, retry: { retries: 1 } });
    const connected = await producer.connect().then(
      () => true,
      () => false,
    );
    await producer.disconnect();
    return connected;
  };
  await until(answers, { what: "Kafka to serve a producer", timeoutMs: 120_000 });
}

/** Sends a message as another program would. */
export async function sendRaw(
  brokers: readonly string[],
  topic: string,
  message: Pick<KafkaMessage, "key" | "value">,
): Promise<void> {
  const producer = testClient(brokers).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: [message] });
  await producer.disconnect();
}

/** Reads a topic from its beginning until it holds this many messages. */
async function readTopic(brokers: readonly string[], topic: string, count: number): Promise<readonly KafkaMessage[]> {
  const messages: KafkaMessage[] = [];
  const consumer = testClient(brokers).consumer({ groupId: `group-${crypto.randomUUID()}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void messages.push(message) });
    await until(() => messages.length >= count, { what: `${count} messages on ${topic}` });
  } finally {
    await consumer.disconnect();
  }
  return messages;
}

/** The first dead letters of a topic: at least this many. */
export async function readDeadLetters(brokers: readonly string[], topic: string, count = 1) {
  const messages = await readTopic(brokers, deadLetterTopic(topic), count);
  return messages.map(({ key, value, headers }) => ({
    key: key?.toString() ?? "",
    body: value?.toString() ?? "",
    reason: headers?.reason?.toString() ?? "",
  }));
}
