/** The environment of a server whose topics are on Kafka, apart from those of other tests. */
export function onKafka(brokers: readonly string[]): Readonly<Record<string, string>> {
  return {
    SAGA_BROKER_KIND: "kafka",
    SAGA_BROKER_KAFKA_BROKERS: brokers.join(","),
    SAGA_BROKER_KAFKA_SESSION_TIMEOUT_MS: "6000",
    SAGA_BROKER_KAFKA_PARTITIONS: "4",
    SAGA_TOPIC_PREFIX: `t${crypto.randomUUID().slice(0, 8)}.`,
  };
}
