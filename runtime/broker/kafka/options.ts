/** How to reach Kafka, and how to use it. */
export interface KafkaBrokerOptions {
  /** Bootstrap brokers, `host:port`. */
  readonly brokers: readonly string[];
  /** Names this process in Kafka's logs and quotas. */
  readonly clientId: string;
  /** The consumer group. Its members share the partitions. */
  readonly groupId: string;
  /**
   * The number of partitions of topics that are created. All topics need the same number, see docs/how-to/use-kafka.md.
   */
  readonly partitions: number;
  /** The number of replicas of topics that are created. */
  readonly replicationFactor: number;
  /** The largest message, bytes, key and headers included. Topics that are created get it as their limit. */
  readonly maxMessageBytes: number;
  /** Topics that are published to and not subscribed to here. No other topics can be published to. */
  readonly extraTopics?: readonly string[];
  readonly sasl?: KafkaSasl;
  /** If present, connections use TLS. */
  readonly tls?: KafkaTls;
  /** After how long without a heartbeat Kafka gives a member's partitions to others, ms. Default: 30 000 */
  readonly sessionTimeoutMs?: number;
  /** The delay before a message that failed is delivered again, ms. Default: 1000 */
  readonly redeliveryDelayMs?: number;
  /** How long `start` tries to reach a broker, ms. Default: 10 000 */
  readonly startTimeoutMs?: number;
  /** How long `close` waits for messages to be sent, and for offsets to be committed, ms. Default: 5000 */
  readonly closeTimeoutMs?: number;
  /** How often the lag of paused partitions is reported, ms. Default: 5000 */
  readonly lagIntervalMs?: number;
  /** Receives the log of the client library. */
  readonly log?: (message: string, details: object) => void;
}

/** Credentials. */
export type KafkaSasl = Credentials<"plain"> | Credentials<"scram-sha-256"> | Credentials<"scram-sha-512">;

interface Credentials<Mechanism> {
  readonly mechanism: Mechanism;
  readonly username: string;
  readonly password: string;
}

/** Certificates, each the bytes of a PEM file. */
export interface KafkaTls {
  /** The authorities to trust. Default: those of Node.js */
  readonly ca?: Buffer;
  /** The client certificate, for brokers that require one. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}
