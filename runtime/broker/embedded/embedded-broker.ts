import { isSagaError } from "../../core/errors.js";
import type { Message } from "../../journal/journal.js";
import type { Broker, BrokerObserver, DeadLetters, Handler, SubscribeOptions } from "../broker.js";

/** How the embedded broker delivers. */
export interface EmbeddedBrokerOptions {
  /** How long a message that could not be handled waits before it is delivered again, ms. Default: 1000. */
  readonly redeliveryDelayMs?: number;
  /** Runs an action once, in so many ms, and gives a function that calls it off. Default: the machine's timers */
  readonly after?: (ms: number, action: () => void) => () => void;
}

interface Waiting {
  readonly message: Message;
  handled(): void;
}

interface Topic {
  readonly name: string;
  options: SubscribeOptions;
  handler: Handler | undefined;
  waiting: Waiting[];
  /** Of messages that are being handled, or wait to be delivered again: those behind them wait, too. */
  readonly busyKeys: Set<string>;
  handling: number;
}

/**
 * The broker inside the process. It stores nothing: what asks for a message is a saga's state, which the journal holds,
 * so a saga's transition and its next message are one transaction. After a crash the sagas are found there, and their
 * messages sent again.
 */
export function createEmbeddedBroker(
  deadLetters: DeadLetters,
  observer: BrokerObserver,
  { redeliveryDelayMs = 1_000, after = afterReal }: EmbeddedBrokerOptions = {},
): Broker {
  const topics = new Map<string, Topic>();
  const underWay = new Set<Promise<void>>();
  const timers = new Set<() => void>();
  const unsent = new Set<(sent: boolean) => void>();
  /** Places that are taken without a delivery, and who waits for the last of them. */
  let claims = 0;
  let onGiven: (() => void) | undefined;
  let running = false;
  let closing: Promise<void> | undefined;

  function topicOf(name: string): Topic {
    const known = topics.get(name);
    if (known !== undefined) {
      return known;
    }
    const topic: Topic = {
      name,
      options: { concurrency: 0 },
      handler: undefined,
      waiting: [],
      busyKeys: new Set(),
      handling: 0,
    };
    topics.set(name, topic);
    return topic;
  }

  function hasPlace({ handling, options, handler }: Topic): boolean {
    return running && handler !== undefined && handling < options.concurrency;
  }

  function take(topic: Topic, key: string): void {
    topic.handling++;
    topic.busyKeys.add(key);
  }

  function pump(topic: Topic): void {
    while (hasPlace(topic)) {
      const at = topic.waiting.findIndex(({ message }) => !topic.busyKeys.has(message.key));
      const [next] = at < 0 ? [] : topic.waiting.splice(at, 1);
      if (next === undefined) {
        return;
      }
      take(topic, next.message.key);
      const delivery = deliver(topic, next).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    }
  }

  async function deliver(topic: Topic, waiting: Waiting): Promise<void> {
    const settled = await settle(topic, waiting.message);
    topic.handling--;
    if (settled) {
      topic.busyKeys.delete(waiting.message.key);
      waiting.handled();
    } else if (running) {
      redeliverLater(topic, waiting);
    }
    pump(topic);
  }

  /** @returns whether the message is taken care of */
  async function settle({ handler, name }: Topic, message: Message): Promise<boolean> {
    try {
      await handler?.(message);
      return true;
    } catch (error) {
      observer.failed(error, name);
      return isSagaError(error) && error.code === "SAGA_MESSAGE_POISON" && bury(message, error.message);
    }
  }

  async function bury(message: Message, reason: string): Promise<boolean> {
    try {
      await deadLetters.bury(message, reason);
      observer.buried(message.topic, reason);
      return true;
    } catch (error) {
      observer.failed(error, message.topic);
      return false;
    }
  }

  /** Its key stays busy until then, so that no later message overtakes it; its place among the handled ones is free. */
  function redeliverLater(topic: Topic, waiting: Waiting): void {
    const cancel = after(redeliveryDelayMs, () => {
      timers.delete(cancel);
      topic.busyKeys.delete(waiting.message.key);
      topic.waiting.unshift(waiting);
      pump(topic);
    });
    timers.add(cancel);
  }

  async function leave(): Promise<void> {
    running = false;
    for (const cancel of timers) {
      cancel();
    }
    await Promise.all(underWay);
    while (claims > 0) {
      await new Promise<void>((resolve) => {
        onGiven = resolve;
      });
    }
    for (const resolve of unsent) {
      resolve(false);
    }
    unsent.clear();
  }

  return {
    keepsMessages: false,
    async publish(messages) {
      const sent = await Promise.all(
        messages.map((message) => {
          return new Promise<boolean>((resolve) => {
            if (closing !== undefined) {
              resolve(false);
              return;
            }
            unsent.add(resolve);
            const topic = topicOf(message.topic);
            topic.waiting.push({
              message,
              handled() {
                unsent.delete(resolve);
                resolve(true);
              },
            });
            pump(topic);
          });
        }),
      );
      return sent.every(Boolean);
    },
    claim(name, key) {
      const topic = topics.get(name);
      if (topic === undefined || !hasPlace(topic) || topic.waiting.length > 0 || topic.busyKeys.has(key)) {
        return undefined;
      }
      take(topic, key);
      claims++;
      let given = false;
      return () => {
        if (!given) {
          given = true;
          claims--;
          onGiven?.();
          topic.handling--;
          topic.busyKeys.delete(key);
          pump(topic);
        }
      };
    },
    subscribe(name, options, handler) {
      Object.assign(topicOf(name), { options, handler });
    },
    async start() {
      running = true;
      for (const topic of topics.values()) {
        pump(topic);
      }
    },
    close() {
      closing ??= leave();
      return closing;
    },
  };
}

function afterReal(ms: number, action: () => void): () => void {
  const timer = setTimeout(action, ms);
  return () => clearTimeout(timer);
}
