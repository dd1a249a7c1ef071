import type { Outgoing, StoredMessage } from "../journal/journal.js";

/** How a topic is consumed. */
export interface SubscribeOptions {
  /** How many messages are handled at the same time, of different keys; those of one key one after the other. */
  readonly concurrency: number;
}

/**
 * Handles a message. Resolving acknowledges it; rejecting has it delivered again later, unless the error is a
 * SagaError SAGA_MESSAGE_POISON: such a message goes to the dead-letter topic.
 */
export type Handler = (message: Outgoing) => Promise<void>;

/** What carries topics. Delivery is at least once; messages of one key are delivered in their order. */
export interface Broker {
  /** Takes over messages that the journal has stored; never rejects: what fails here is found again in the journal. */
  publish(messages: readonly StoredMessage[]): void;
  subscribe(topic: string, options: SubscribeOptions, handler: Handler): void;
  /** Begins to deliver, what was left by the last process first. */
  start(): Promise<void>;
  /** Stops delivering and waits for the handlers under way. */
  close(): Promise<void>;
}
