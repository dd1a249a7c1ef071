import { deadLetterTopic } from "../../../runtime/broker/dead-letter.js";
import type { FetchedRecord } from "../../../runtime/broker/kafka/client.js";
import { createKafkajsClient } from "../../../runtime/broker/kafka/kafkajs-client.js";
import type { KafkaBrokerOptions } from "../../../runtime/broker/kafka/options.js";
import { until } from "../until.js";

/** Options for a test: a group of its own, and nothing that takes long. */
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

/** Resolves once the brokers serve producers: a new one takes connections a little before that. */
export async function brokersReady(brokers: readonly string[]): Promise<void> {
  const client = createKafkajsClient(testOptions(brokers));
  const answers = () =>
    client.openProducer().then(
      (producer) => producer.close().then(() => true),
      () => false,
    );
  await until(answers, { what: "Kafka to serve a producer", timeoutMs: 120_000 });
}

/** Reads a topic from its beginning until it holds this many messages. */
async function readTopic(
  brokers: readonly string[],
  topic: string,
  count: number,
  enough: (records: readonly FetchedRecord[]) => boolean = ({ length }) => length >= count,
): Promise<readonly FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  let failure: unknown;
  const consumer = createKafkajsClient(testOptions(brokers)).consume([topic], {
    assigned: () => {},
    rebalancing: () => {},
    alive: () => {},
    batch: (batch) => void records.push(...batch.records),
    crashed: (error) => {
      failure = error;
    },
  });
  try {
    await until(
      () => {
        if (failure !== undefined) throw failure;
        return enough(records);
      },
      { what: `${count} messages on ${topic}` },
    );
  } finally {
    await consumer.close();
  }
  return records;
}

/** The first dead letters of a topic: at least this many. */
export async function readDeadLetters(brokers: readonly string[], topic: string, count = 1) {
  const records = await readTopic(brokers, deadLetterTopic(topic), count);
  return records.map(({ key, value, headers }) => ({
    key: key?.toString() ?? "",
    body: value?.toString() ?? "",
    reason: headers.get("reason") ?? "",
  }));
}
