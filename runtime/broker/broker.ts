import type { Message } from "../journal/journal.js";

/** How a topic is consumed. */
export interface SubscribeOptions {
  /** How many messages are handled at the same time, of different keys; those of one key one after the other. */
  readonly concurrency: number;
}

/**
 * Handles a message. Resolving acknowledges it; rejecting has it delivered again later, unless the error is a
 * SagaError SAGA_MESSAGE_POISON: such a message goes to the dead-letter topic of its topic, with the reason.
 */
export type Handler = (message: Message) => Promise<void>;

/** What carries topics. Delivery is at least once; messages of one key are delivered in their order. */
export interface Broker {
  /**
   * Sends messages, in their order. Never rejects: while the broker is away it is tried again. Resolves with true once
   * the messages can't be lost any more (Kafka: acknowledged by all replicas in sync; embedded: handled), with false
   * where the broker is closed before that. What was not sent then is found again in the journal.
   */
  publish(messages: readonly Message[]): Promise<boolean>;
  /**
   * The places on its topics, of a broker that keeps no messages: a place is only a place there, and free as soon as the
   * upstream has answered. Absent where a message is kept until its handler resolves, so that the handler must not before
   * the journal has what came of it.
   */
  readonly places?: Places;
  /** How long the body of a message may be, bytes in UTF-8. Absent: as long as it likes. */
  readonly maxBodyBytes?: number;
  /** To be called before `start`, once a topic. */
  subscribe(topic: string, options: SubscribeOptions, handler: Handler): void;
  /**
   * Begins to deliver; messages published before wait until then.
   * @throws SagaError SAGA_BROKER_UNAVAILABLE where the broker can't be reached
   */
  start(): Promise<void>;
  /** Stops delivering, waits for the handlers under way and the places that are taken, and leaves. May be called twice. */
  close(): Promise<void>;
}

/**
 * Places on the topics of this process. Who has one need not send the message that would ask for it: it counts as delivered
 * within the very transaction that would have sent it.
 */
export interface Places {
  /**
   * Takes a place where one is free and nothing waits before it.
   * @returns a function that gives the place back; undefined where there is none
   */
  claim(topic: string, key: string): (() => void) | undefined;
  /**
   * Waits for a place, in turn with the messages that wait for one. Nothing is kept of it when the broker closes.
   * @param taken is given what gives the place back; must not throw
   */
  wait(topic: string, key: string, taken: (giveBack: () => void) => void): void;
}

/** Told how the broker does: for logs and metrics. Must not throw. */
export interface BrokerObserver {
  /** A delivery, a publication or the connection failed; it is tried again. `topic` where it was about one. */
  failed(error: unknown, topic: string | undefined): void;
  /**
   * How many messages of a partition are not handled yet: with each batch and commit, and every 5 s where so many are in hand
   * that it is not read. 0 also when another member of the group has it now. The embedded broker has no partitions, and never
   * tells of any.
   */
  lag(topic: string, partition: number, messages: number): void;
  /** A message went to the dead-letter topic. */
  buried(topic: string, reason: string): void;
}

/** Where a broker that keeps nothing itself leaves what can't be handled. */
export interface DeadLetters {
  addDeadLetter(message: Message, reason: string): Promise<void>;
}
