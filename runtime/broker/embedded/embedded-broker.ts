import { isSagaError } from "../../core/errors.js";
import type { MessageStore, StoredMessage } from "../../journal/journal.js";
import type { Broker, Handler, SubscribeOptions } from "../broker.js";

/** How the embedded broker delivers. */
export interface EmbeddedBrokerOptions {
  /** How long a message that could not be handled waits before it is delivered again, ms. Default: 1000. */
  readonly redeliveryDelayMs?: number;
}

interface Topic {
  readonly options: SubscribeOptions;
  readonly handler: Handler;
  readonly waiting: StoredMessage[];
  /** Of messages that are being handled, or wait to be delivered again: those behind them wait, too. */
  readonly busyKeys: Set<string>;
  handling: number;
}

/**
 * The broker inside the process. A message lives in the journal's own file, stored in the transaction that sends it,
 * until its handler has succeeded: nothing is lost or sent for nothing when the process dies.
 * @param onError told of each failed delivery
 */
export function createEmbeddedBroker(
  store: MessageStore,
  onError: (error: unknown, topic: string) => void,
  { redeliveryDelayMs = 1_000 }: EmbeddedBrokerOptions = {},
): Broker {
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
    while (running && topic.handling < topic.options.concurrency) {
      const at = topic.waiting.findIndex(({ key }) => !topic.busyKeys.has(key));
      const [message] = at < 0 ? [] : topic.waiting.splice(at, 1);
      if (message === undefined) {
        return;
      }
      topic.handling++;
      topic.busyKeys.add(message.key);
      const delivery = deliver(topic, message).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    }
  }

  async function deliver(topic: Topic, message: StoredMessage): Promise<void> {
    const settled = await settle(topic, message);
    topic.handling--;
    if (settled) {
      known.delete(message.id);
      topic.busyKeys.delete(message.key);
    } else if (running) {
      redeliverLater(topic, message);
    }
    pump(topic);
  }

  /** @returns whether the message is taken care of */
  async function settle(topic: Topic, message: StoredMessage): Promise<boolean> {
    try {
      await topic.handler(message);
      await store.remove(message.id);
      return true;
    } catch (error) {
      onError(error, message.topic);
      return isSagaError(error) && error.code === "SAGA_MESSAGE_POISON" && bury(message, error.message);
    }
  }

  async function bury(message: StoredMessage, reason: string): Promise<boolean> {
    try {
      await store.bury(message.id, reason);
      return true;
    } catch (error) {
      onError(error, message.topic);
      return false;
    }
  }

  /** Its key stays busy until then, so that no later message overtakes it; its place among the handled ones is free. */
  function redeliverLater(topic: Topic, message: StoredMessage): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      topic.busyKeys.delete(message.key);
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
      topics.set(topic, { options, handler, waiting: [], busyKeys: new Set(), handling: 0 });
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
