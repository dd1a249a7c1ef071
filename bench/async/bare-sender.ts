import type { Producer } from "kafkajs";

/** A message to send. */
export interface BareMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
}

/**
 * Sends with an idempotent producer, which has one request in flight at a time. Messages that arrive meanwhile share
 * the next request. Measured, this is twice as fast as one `send` for each message, which waits for all earlier ones.
 * @returns a function that resolves once the message is acknowledged
 */
export function createBareSender(producer: Producer): (message: BareMessage) => Promise<void> {
  let waiting: { message: BareMessage; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let busy = false;

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await producer.sendBatch({ acks: -1, topicMessages: byTopic(batch.map(({ message }) => message)) });
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    busy = false;
  }

  return (message) =>
    new Promise((resolve, reject) => {
      waiting.push({ message, resolve, reject });
      if (!busy) {
        busy = true;
        setImmediate(sendAll);
      }
    });
}

function byTopic(batch: readonly BareMessage[]) {
  const messages = new Map<string, { key: string; value: string }[]>();
  for (const { topic, key, value } of batch) {
    const ofTopic = messages.get(topic) ?? [];
    ofTopic.push({ key, value });
    messages.set(topic, ofTopic);
  }
  return [...messages].map(([topic, ofTopic]) => ({ topic, messages: ofTopic }));
}
