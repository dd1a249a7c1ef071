import { SagaError, type SagaErrorCode } from "../../core/errors.js";
import type { KafkaBrokerOptions } from "./options.js";

/**
 * What an error asks for. `rejected`: Kafka does not accept the message or topic, and would not accept it again.
 * `credentials`, `certificate`, `replication`, `forbidden`: somebody must change the configuration or the cluster.
 * `rebalancing`: the group is assigning its partitions. `other`: try again.
 */
export type ErrorKind =
  | "rejected"
  | "credentials"
  | "certificate"
  | "replication"
  | "forbidden"
  | "rebalancing"
  | "other";

/** By the type of a kafkajs protocol error. */
const kinds: Readonly<Record<string, ErrorKind>> = {
  MESSAGE_TOO_LARGE: "rejected",
  RECORD_LIST_TOO_LARGE: "rejected",
  INVALID_TOPIC_EXCEPTION: "rejected",
  INVALID_RECORD: "rejected",
  POLICY_VIOLATION: "rejected",
  UNKNOWN_TOPIC_OR_PARTITION: "rejected",
  TOPIC_AUTHORIZATION_FAILED: "rejected",
  CLUSTER_AUTHORIZATION_FAILED: "forbidden",
  GROUP_AUTHORIZATION_FAILED: "forbidden",
  SASL_AUTHENTICATION_FAILED: "credentials",
  UNSUPPORTED_SASL_MECHANISM: "credentials",
  INVALID_REPLICATION_FACTOR: "replication",
  REBALANCE_IN_PROGRESS: "rebalancing",
  ILLEGAL_GENERATION: "rebalancing",
  UNKNOWN_MEMBER_ID: "rebalancing",
};

/** What an error asks for. kafkajs wraps errors: in `cause`, or several in `errors`. */
export function kindOf(error: unknown): ErrorKind {
  if (!(error instanceof Error)) {
    return "other";
  }
  const { type, code, errors } = error as Error & { type?: unknown; code?: unknown; errors?: unknown };
  if (error.name === "KafkaJSSASLAuthenticationError") {
    return "credentials";
  }
  // Node.js has many such codes: DEPTH_ZERO_SELF_SIGNED_CERT, CERT_HAS_EXPIRED, ERR_TLS_CERT_…
  if (typeof code === "string" && /CERT|UNABLE_TO_VERIFY|^ERR_(TLS|SSL)_/.test(code)) {
    return "certificate";
  }
  const wrapped = [error.cause, ...(Array.isArray(errors) ? errors : [])].map(kindOf);
  return [kinds[String(type)] ?? "other", ...wrapped].find((kind) => kind !== "other") ?? "other";
}

/** Why the broker can't start, with the fix. */
export function startError(cause: unknown, options: KafkaBrokerOptions): SagaError {
  const { brokers, sasl, tls, replicationFactor } = options;
  const kafka = `Kafka at ${brokers.join(", ")}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  const security = `${tls ? "TLS" : "no TLS"} and ${sasl ? `SASL ${sasl.mechanism}` : "no SASL"}`;
  const texts: Readonly<Record<ErrorKind, readonly [SagaErrorCode, string]>> = {
    credentials: [
      "SAGA_BROKER_UNAVAILABLE",
      `${kafka} does not accept the credentials (${why}); check broker.kafka.sasl: mechanism, username and password`,
    ],
    certificate: [
      "SAGA_BROKER_UNAVAILABLE",
      `no trusted TLS connection to ${kafka} (${why}); check broker.kafka.tls: ca, cert and key, and that this port uses TLS`,
    ],
    replication: [
      "SAGA_CONFIG_INVALID",
      `${kafka} has too few brokers for ${replicationFactor} replicas (${why}); lower broker.kafka.replication_factor, or add brokers`,
    ],
    forbidden: [
      "SAGA_BROKER_UNAVAILABLE",
      `${kafka} does not allow this user to create topics or to join the group (${why}); grant these rights, or create the topics yourself, see docs/how-to/use-kafka.md`,
    ],
    rejected: [
      "SAGA_CONFIG_INVALID",
      `${kafka} rejects a topic (${why}); check the names of the topics and the rights of the user`,
    ],
    rebalancing: ["SAGA_BROKER_UNAVAILABLE", `${kafka}: ${why}`],
    other: [
      "SAGA_BROKER_UNAVAILABLE",
      `no Kafka broker can be reached at ${brokers.join(", ")} with ${security} (${why}); start it, or correct broker.kafka: brokers, tls and sasl must fit the listener of the brokers`,
    ],
  };
  const [code, text] = texts[kindOf(cause)];
  return new SagaError(code, text, { cause });
}
