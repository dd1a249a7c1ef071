import type { Logger } from "pino";
import type { Broker, BrokerObserver } from "../broker/broker.js";
import { createEmbeddedBroker } from "../broker/embedded/embedded-broker.js";
import type { KafkaTls } from "../broker/kafka/options.js";
import type { KafkaConfig } from "../config/broker-schema.js";
import type { Config } from "../config/schema.js";
import { isSagaError } from "../core/errors.js";
import type { Journal } from "../journal/journal.js";
import { loadAdapter } from "./optional-peer.js";
import { readPem } from "./pem.js";

/** What a broker is opened with. */
export interface BrokerParts {
  readonly config: Config;
  readonly journal: Journal;
  readonly logger: Logger;
  /** What the program wants to know of the broker, beside the log. */
  readonly observer: Partial<BrokerObserver>;
  /** Topics that are published to and that nobody subscribes to in this server. */
  readonly extraTopics: readonly string[];
}

/**
 * The configured broker.
 * @throws SagaError SAGA_CONFIG_INVALID if a PEM file can't be read, or if the package `kafkajs` isn't installed
 */
export async function openBroker({ config, journal, logger, observer, extraTopics }: BrokerParts): Promise<Broker> {
  /** What the program's own code throws must not stop the broker. */
  function tell(hook: () => void): void {
    try {
      hook();
    } catch (err) {
      logger.error({ err }, "the observer of the broker threw; it must not");
    }
  }

  const told: BrokerObserver = {
    failed(err, topic) {
      // What can't be read is told when it is buried.
      if (!isSagaError(err) || err.code !== "SAGA_MESSAGE_POISON") {
        const what = topic === undefined ? "the broker can't be reached" : "a delivery or a publication failed";
        logger.error({ topic, err }, `${what}; it is tried again`);
      }
      tell(() => observer.failed?.(err, topic));
    },
    lag: (topic, partition, messages) => tell(() => observer.lag?.(topic, partition, messages)),
    buried(topic, reason) {
      logger.error({ topic, reason }, "a message went to the dead letters");
      tell(() => observer.buried?.(topic, reason));
    },
  };
  const { kind, kafka } = config.broker;
  if (kind === "embedded") {
    return createEmbeddedBroker(journal.messages, told);
  }
  const { createKafkaBroker } = await loadAdapter(
    "kafkajs",
    "broker.kind: kafka",
    () => import("../broker/kafka/kafka-broker.js"),
  );
  const tls = tlsOf(kafka);
  const options = {
    brokers: kafka.brokers,
    clientId: `${kafka.client_id}-${config.pod_id}`,
    groupId: config.topic_prefix + kafka.group_id,
    partitions: kafka.partitions,
    replicationFactor: kafka.replication_factor,
    maxMessageBytes: kafka.max_message_bytes,
    sessionTimeoutMs: kafka.session_timeout_ms,
    extraTopics,
    // The library also calls an error what it gets over by itself; what it does not is told to the observer.
    log: (_level: string, message: string, details: object) => logger.debug(details, `kafka: ${message}`),
    ...(kafka.sasl === undefined ? {} : { sasl: kafka.sasl }),
    ...(tls === undefined ? {} : { tls }),
  };
  return createKafkaBroker(options, told);
}

function tlsOf({ tls }: KafkaConfig): KafkaTls | undefined {
  if (!tls.enabled) {
    return undefined;
  }
  const read = (key: "ca" | "cert" | "key") => {
    const path = tls[key];
    return path === undefined ? {} : { [key]: readPem(path, `broker.kafka.tls.${key}`) };
  };
  return { ...read("ca"), ...read("cert"), ...read("key") };
}
