import { isSagaError } from "../../core/errors.js";
import type { MessageStore, StoredMessage } from "../../journal/journal.js";
import type { Broker, Handler, SubscribeOptions } from "../broker.js";

/** How long a message that could not be handled waits before it is delivered again, ms. */
const redeliveryDelayMs = 1_000;

interface Topic {
  readonly options: SubscribeOptions;
  readonly handler: Handler;
  readonly waiting: StoredMessage[];
  readonly busyKeys: Set<string>;
}

/**
 * The broker inside the process. A message lives in the journal's own file, stored in the transaction that sends it,
 * until its handler has succeeded: nothing is lost or sent for nothing when the process dies.
 * @param onError told of each failed delivery
 */
export function createEmbeddedBroker(store: MessageStore, onError: (error: unknown, topic: string) => void): Broker {
  const topics = new Map<string, Topic>();
  const known = new Set<number>();
  const underWay = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  let running = false;

  function offer(message: StoredMessage): void {
    const topic = topics.get(message.topic);
    if (topic === undefined || known.has(message.id)) {
      return; // A topic that nobody handles now keeps its messages until somebody does.
    }
    known.add(message.id);
    topic.waiting.push(message);
    pump(topic);
  }

  function pump(topic: Topic): void {
    while (running && topic.busyKeys.size < topic.options.concurrency) {
      const at = topic.waiting.findIndex(({ key }) => !topic.busyKeys.has(key));
      const [message] = at < 0 ? [] : topic.waiting.splice(at, 1);
      if (message === undefined) {
        return;
      }
      topic.busyKeys.add(message.key);
      const delivery = deliver(topic, message).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    }
  }

  async function deliver(topic: Topic, message: StoredMessage): Promise<void> {
    try {
      await topic.handler(message);
      await store.remove(message.id);
      known.delete(message.id);
    } catch (error) {
      onError(error, message.topic);
      await putAside(topic, message, error);
    }
    topic.busyKeys.delete(message.key);
    pump(topic);
  }

  async function putAside(topic: Topic, message: StoredMessage, error: unknown): Promise<void> {
    if (isSagaError(error) && error.code === "SAGA_MESSAGE_POISON") {
      try {
        await store.bury(message.id, error.message);
        known.delete(message.id);
        return;
      } catch (failure) {
        onError(failure, message.topic);
      }
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      topic.waiting.unshift(message);
      pump(topic);
    }, redeliveryDelayMs);
    timers.add(timer);
  }

  return {
    publish(messages) {
      if (running) {
        messages.forEach(offer);
      }
    },
    subscribe(topic, options, handler) {
      topics.set(topic, { options, handler, waiting: [], busyKeys: new Set() });
    },
    async start() {
      running = true;
      (await store.pending()).forEach(offer);
    },
    async close() {
      running = false;
      for (const timer of timers) {
        clearTimeout(timer);
      }
      await Promise.all(underWay);
    },
  };
}
