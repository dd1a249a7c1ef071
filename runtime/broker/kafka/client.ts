/**
 * What the adapter asks of a Kafka client library: kept small, so that the library can be exchanged. Batching, retries,
 * order, offsets and redelivery are the adapter's own.
 */
export interface KafkaClient {
  /** Creates the topics that are missing, and waits until they can be written to. */
  createTopics(topics: readonly string[], shape: TopicShape): Promise<void>;
  /** A connected producer: idempotent, acknowledged by all replicas in sync. */
  openProducer(): Promise<KafkaProducer>;
  /** Joins the group in the background; tells the listener of everything, errors too. */
  consume(topics: readonly string[], listener: ConsumerListener): KafkaConsumer;
  /** The offsets that the next messages of a topic get, by partition. */
  ends(topic: string): Promise<ReadonlyMap<number, bigint>>;
  /** What went wrong, where that asks for something else than trying again. */
  kindOf(error: unknown): ErrorKind;
}

/** How topics are created. */
export interface TopicShape {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly maxMessageBytes: number;
}

/**
 * `refused`: the broker does not take what was sent, and would not take it again. `credentials`, `certificate`,
 * `replication`, `forbidden`: no use in trying again until somebody mends the configuration or the cluster.
 * `rebalancing`: the group is handing out its partitions anew. `other`: try again.
 */
export type ErrorKind =
  | "refused"
  | "credentials"
  | "certificate"
  | "replication"
  | "forbidden"
  | "rebalancing"
  | "other";

/** A message to send. Its partition follows from its key. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends; at most one call at a time. */
export interface KafkaProducer {
  /** Resolves once all are acknowledged. Rejected, any of them may have been taken all the same. */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** A message as it lies in its partition. */
export interface FetchedRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: ReadonlyMap<string, string>;
}

/** Messages of one partition, in their order. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset that the partition's next message gets. */
  readonly end: bigint;
  readonly records: readonly FetchedRecord[];
}

/** The partitions that a member has, by topic. */
export type Assignment = ReadonlyMap<string, readonly number[]>;

/** Told what happens to a member of the group. */
export interface ConsumerListener {
  /** The group is about to hand out its partitions anew: a last moment to commit. */
  rebalancing(): void;
  /** It has: from here on batches come from the committed offsets of the partitions that this member has now. */
  assigned(partitions: Assignment): void;
  batch(batch: FetchedBatch): void;
  /** A sign of life. */
  alive(): void;
  /** The member is gone for good. */
  crashed(error: unknown): void;
}

/** The offset from which a partition is to be read again. */
export interface CommitOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A member of the group. */
export interface KafkaConsumer {
  pause(topic: string, partition: number): void;
  resume(topic: string, partition: number): void;
  /** One attempt, in the name of the present assignment. */
  commit(offsets: readonly CommitOffset[]): Promise<void>;
  /** Leaves the group. Never rejects. */
  close(): Promise<void>;
}
