import { SagaError, type SagaErrorCode } from "../../core/errors.js";
import type { ErrorKind, KafkaClient } from "./client.js";
import type { KafkaBrokerOptions } from "./options.js";
import { within } from "./time.js";

const pauseMs = 300;

/**
 * Creates the missing topics. A broker that can't be reached yet (it was started together with this process) is tried
 * until the time is up.
 * @throws SagaError SAGA_BROKER_UNAVAILABLE, SAGA_CONFIG_INVALID
 */
export async function createTopics(
  client: KafkaClient,
  options: KafkaBrokerOptions,
  topics: readonly string[],
): Promise<void> {
  const { partitions, replicationFactor, maxMessageBytes, startTimeoutMs = 10_000 } = options;
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const left = deadline - Date.now();
    let error: unknown = new Error(`no answer for ${startTimeoutMs} ms`);
    const attempt = client.createTopics(topics, { partitions, replicationFactor, maxMessageBytes }).then(
      () => true,
      (reason: unknown) => {
        error = reason;
        return false;
      },
    );
    if ((await within(left, attempt)) && (await attempt)) {
      return;
    }
    const kind = client.kindOf(error);
    // A topic that was just created may be unknown to another broker for a moment.
    const mayPass = kind === "other" || kind === "refused";
    if (!mayPass || Date.now() + pauseMs >= deadline) {
      throw startError(error, kind, options);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function startError(cause: unknown, kind: ErrorKind, { brokers, sasl, tls, replicationFactor }: KafkaBrokerOptions) {
  const where = brokers.join(", ");
  const why = cause instanceof Error ? cause.message : String(cause);
  const security = `${tls ? "TLS" : "no TLS"} and ${sasl ? `SASL ${sasl.mechanism}` : "no SASL"}`;
  const texts: Readonly<Record<ErrorKind, readonly [SagaErrorCode, string]>> = {
    credentials: [
      "SAGA_BROKER_UNAVAILABLE",
      `Kafka at ${where} does not accept the credentials (${why}); check broker.kafka.sasl: mechanism, username and password`,
    ],
    certificate: [
      "SAGA_BROKER_UNAVAILABLE",
      `no trusted TLS connection to Kafka at ${where} (${why}); check broker.kafka.tls: ca, cert and key, and whether this port speaks TLS`,
    ],
    replication: [
      "SAGA_CONFIG_INVALID",
      `Kafka at ${where} can't keep topics on ${replicationFactor} brokers (${why}); lower broker.kafka.replication_factor, or add brokers`,
    ],
    forbidden: [
      "SAGA_BROKER_UNAVAILABLE",
      `Kafka at ${where} does not let this user create topics or join the group (${why}); give it the rights, or create the topics by hand, see docs/kafka.md`,
    ],
    refused: [
      "SAGA_CONFIG_INVALID",
      `Kafka at ${where} refuses a topic (${why}); check the topics' names and the user's rights`,
    ],
    rebalancing: ["SAGA_BROKER_UNAVAILABLE", `Kafka at ${where}: ${why}`],
    other: [
      "SAGA_BROKER_UNAVAILABLE",
      `no Kafka broker can be reached at ${where} with ${security} (${why}); start it, or correct broker.kafka: brokers, tls and sasl must fit the brokers' listener`,
    ],
  };
  const [code, text] = texts[kind];
  return new SagaError(code, text, { cause });
}
