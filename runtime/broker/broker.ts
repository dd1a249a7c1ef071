import type { Message } from "../journal/journal.js";

/** How a topic is consumed. */
export interface SubscribeOptions {
  /**
   * How many messages of different keys are handled at the same time. Messages of one key are handled one at a time.
   */
  readonly concurrency: number;
}

/**
 * Handles a message. If it resolves, the message is acknowledged. If it rejects, the message is delivered again later,
 * unless the error is a SagaError SAGA_MESSAGE_POISON: then it goes to the topic's dead-letter topic, with the reason.
 */
export type Handler = (message: Message) => Promise<void>;

/** Delivers messages: at least once, and in order for each key. */
export interface Broker {
  /**
   * Sends messages in order. Never rejects: while the broker is unavailable, it retries.
   * @returns true once the messages can't be lost any more (Kafka: all in-sync replicas have acknowledged them;
   *   embedded: they are handled), false if the broker is closed before that. The journal still has what was not sent.
   */
  publish(messages: readonly Message[]): Promise<boolean>;
  /**
   * The slots of the topics, if this broker stores no messages: a saga that has a slot needs no message. A slot may be
   * released as soon as the upstream has answered. Absent if the broker stores messages: then a handler must not
   * resolve before the result is in the journal.
   */
  readonly slots?: Slots;
  /** The largest message body that the broker accepts, bytes in UTF-8. Absent: no limit. */
  readonly maxBodyBytes?: number;
  /** Sets the handler and the concurrency limit of a topic. Call it before `start`, once for each topic. */
  subscribe(topic: string, options: SubscribeOptions, handler: Handler): void;
  /**
   * Starts to deliver. Messages that were published before wait until then.
   * @throws SagaError SAGA_BROKER_UNAVAILABLE if the broker can't be reached, SAGA_CONFIG_INVALID if its settings
   *   don't fit
   */
  start(): Promise<void>;
  /**
   * Stops delivering, waits for running handlers and for slots that are taken, and disconnects. May be called twice.
   */
  close(): Promise<void>;
}

/**
 * Slots of this process: each is permission to handle one message of a topic. One key has at most one slot of a topic.
 */
export interface Slots {
  /** Takes a slot if one is free now. @returns a function that releases the slot; undefined if none is free */
  claim(topic: string, key: string): (() => void) | undefined;
  /**
   * Waits for a slot, in turn. Waiting ends without a slot when the broker closes.
   * @param taken receives the function that releases the slot; must not throw
   */
  wait(topic: string, key: string, taken: (release: () => void) => void): void;
}

/** Receives what happens to the broker, for logs and metrics. Its functions must not throw. */
export interface BrokerObserver {
  /** A delivery, a publication or the connection failed; the broker retries. `topic` is absent for the connection. */
  failed(error: unknown, topic: string | undefined): void;
  /**
   * How many messages of a partition are not handled yet. Reported with each batch and commit, and every 5 s while the
   * partition is paused. 0 if another server has the partition now. The embedded broker has no partitions and reports
   * none.
   */
  lag(topic: string, partition: number, messages: number): void;
  /** A message went to the topic's dead-letter topic. */
  deadLettered(topic: string, reason: string): void;
}

/** Stores dead letters for a broker that stores no messages. */
export interface DeadLetters {
  addDeadLetter(message: Message, reason: string): Promise<void>;
}

/** The topic that receives the messages of a topic that can't be handled. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dead-letter`;
}
