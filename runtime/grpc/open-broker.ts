import type { Logger } from "pino";
import type { Broker, BrokerObserver } from "../broker/broker.js";
import { createEmbeddedBroker } from "../broker/embedded.js";
import type { KafkaBrokerOptions, KafkaTls } from "../broker/kafka/options.js";
import type { Config, KafkaConfig } from "../config/schema.js";
import { isSagaError } from "../core/errors.js";
import type { Journal } from "../journal/journal.js";
import { loadAdapter } from "./optional-peer.js";
import { readPem } from "./pem.js";

/** What a broker is opened with. */
export interface BrokerParts {
  readonly config: Config;
  readonly journal: Journal;
  readonly logger: Logger;
  /** The program's own observer. The log reports the same. */
  readonly observer: Partial<BrokerObserver>;
  /** Topics that this server publishes to and does not subscribe to. */
  readonly extraTopics: readonly string[];
}

/**
 * Opens the configured broker.
 * @throws SagaError SAGA_CONFIG_INVALID if a PEM file can't be read, or kafkajs is not installed
 */
export async function openBroker({ config, journal, logger, observer, extraTopics }: BrokerParts): Promise<Broker> {
  const logged = logTo(logger, observer);
  const { kind, kafka } = config.broker;
  if (kind === "embedded") {
    return createEmbeddedBroker(journal.messages, logged);
  }
  const load = () => import("../broker/kafka/broker.js");
  const { createKafkaBroker } = await loadAdapter("kafkajs", "broker.kind: kafka", load);
  const tls = tlsOf(kafka);
  const options: KafkaBrokerOptions = {
    brokers: kafka.brokers,
    clientId: `${kafka.client_id}-${config.pod_id}`,
    groupId: config.topic_prefix + kafka.group_id,
    partitions: kafka.partitions,
    replicationFactor: kafka.replication_factor,
    maxMessageBytes: kafka.max_message_bytes,
    sessionTimeoutMs: kafka.session_timeout_ms,
    extraTopics,
    // kafkajs logs errors that it recovers from, too. Those that it does not recover from reach the observer.
    log: (message, details) => logger.debug(details, `kafka: ${message}`),
    ...(kafka.sasl === undefined ? {} : { sasl: kafka.sasl }),
    ...(tls === undefined ? {} : { tls }),
  };
  return createKafkaBroker(options, logged);
}

/** Logs what the observer receives, and keeps its exceptions from the broker. */
function logTo(logger: Logger, observer: Partial<BrokerObserver>): BrokerObserver {
  function report(call: () => void): void {
    try {
      call();
    } catch (err) {
      logger.error({ err }, "broker observer threw an error");
    }
  }
  return {
    failed(err, topic) {
      // A poison message is logged when it is dead-lettered.
      if (!isSagaError(err) || err.code !== "SAGA_MESSAGE_POISON") {
        const what = topic === undefined ? "broker unavailable" : "message delivery or publication failed";
        logger.error({ topic, err }, `${what}, retrying`);
      }
      report(() => observer.failed?.(err, topic));
    },
    lag: (topic, partition, messages) => report(() => observer.lag?.(topic, partition, messages)),
    deadLettered(topic, reason) {
      logger.error({ topic, reason }, "message dead-lettered");
      report(() => observer.deadLettered?.(topic, reason));
    },
  };
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
