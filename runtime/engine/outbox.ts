import type { Broker } from "../broker/broker.js";
import type { Journal, StoredMessage } from "../journal/journal.js";
import type { Log } from "./ports.js";

/** Sends the messages that the journal stores, and has it forget those that the broker holds. */
export interface Outbox {
  send(messages: readonly StoredMessage[]): void;
  /** Sends what the last process left. */
  resend(): Promise<void>;
}

/** Makes an outbox. What can't be sent or forgotten now is sent again by the next process: at least once. */
export function createOutbox(journal: Journal, broker: Broker, log: Log): Outbox {
  function send(messages: readonly StoredMessage[]): void {
    if (messages.length === 0) {
      return;
    }
    broker
      .publish(messages)
      .then((sent) => (sent ? journal.messages.remove(messages.map(({ id }) => id)) : undefined))
      .catch((err) => log.warn({ err }, "messages that were sent can't be forgotten; they will be sent again"));
  }
  return {
    send,
    async resend() {
      for (const message of await journal.messages.pending()) {
        send([message]);
      }
    },
  };
}
