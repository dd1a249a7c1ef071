/** How to reach Kafka, and how to use it. */
export interface KafkaBrokerOptions {
  /** Brokers to begin with, `host:port`; the rest of the cluster is learnt from them. */
  readonly brokers: readonly string[];
  /** Names this process in Kafka's logs and quotas. */
  readonly clientId: string;
  /** The consumer group. Processes of one group share the partitions. */
  readonly groupId: string;
  /** How many partitions a topic gets that is created. All topics need the same number, see docs/kafka.md. */
  readonly partitions: number;
  /** On how many brokers each partition of a created topic is kept. */
  readonly replicationFactor: number;
  /** How large a message may be, key and headers included, bytes: created topics are told, and no larger one is sent. */
  readonly maxMessageBytes: number;
  /** Topics that are published to and not subscribed here; no others can be published to. */
  readonly extraTopics?: readonly string[];
  readonly sasl?: KafkaSasl;
  /** Present: the connection is encrypted. */
  readonly tls?: KafkaTls;
  /** For how long a member may be silent before its partitions go to others, ms. Default: 30 000. */
  readonly sessionTimeoutMs?: number;
  /** How long a message that could not be handled waits before it is delivered again, ms. Default: 1000. */
  readonly redeliveryDelayMs?: number;
  /** How long `start` tries to reach a broker, ms. Default: 10 000. */
  readonly startTimeoutMs?: number;
  /** How long `close` tries to send what is unsent, and to leave, ms each. Default: 5000. */
  readonly closeTimeoutMs?: number;
  /** How often the lag of partitions is told that are not read for a time, ms. Default: 5000. */
  readonly lagIntervalMs?: number;
  /** Gets what the client library logs. */
  readonly log?: KafkaLog;
}

/** Credentials. */
export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** Certificates, each the bytes of a PEM file. */
export interface KafkaTls {
  /** Whom to trust. Default: the authorities that Node.js knows. */
  readonly ca?: Uint8Array;
  /** This client's own certificate, where the brokers ask for one. */
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
}

/** A function that logs. */
export type KafkaLog = (level: "error" | "warn" | "info" | "debug", message: string, details: object) => void;
