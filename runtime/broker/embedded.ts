import { isSagaError } from "../core/errors.js";
import type { Message } from "../journal/journal.js";
import type { Broker, BrokerObserver, DeadLetters, Handler } from "./broker.js";
import { TopicQueue } from "./topic-queue.js";

/** How the embedded broker delivers. */
export interface EmbeddedBrokerOptions {
  /** The delay before a message that failed is delivered again, ms. It doubles each time. Default: 1000 */
  readonly redeliveryDelayMs?: number;
  /** The longest such delay, ms. Default: 60 000 */
  readonly maxRedeliveryDelayMs?: number;
  /** Runs an action once after so many ms, and returns a function that cancels it. Default: Node.js timers */
  readonly after?: (ms: number, action: () => void) => () => void;
}

interface Publication {
  readonly message: Message;
  handled(): void;
}

interface Topic {
  readonly queue: TopicQueue<Publication>;
  handler: Handler | undefined;
  concurrency: number;
}

/**
 * The broker inside the process. It stores nothing: the journal does. After a crash, recovery finds the sagas there
 * that wait for a slot, and the messages that were not handled.
 */
export function createEmbeddedBroker(
  deadLetters: DeadLetters,
  observer: BrokerObserver,
  { redeliveryDelayMs = 1_000, maxRedeliveryDelayMs = 60_000, after }: EmbeddedBrokerOptions = {},
): Broker {
  const topics = new Map<string, Topic>();
  /** Publications that are not handled yet. */
  const pending = new Set<(sent: boolean) => void>();
  let closing: Promise<void> | undefined;

  function topicOf(name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      const deliver = ({ message, handled }: Publication) => handle(name, message, handled);
      const queue = new TopicQueue({ deliver, redeliveryDelayMs, maxRedeliveryDelayMs, after });
      topic = { queue, handler: undefined, concurrency: 0 };
      topics.set(name, topic);
    }
    return topic;
  }

  async function handle(name: string, message: Message, handled: () => void): Promise<"done" | "again"> {
    try {
      await topicOf(name).handler?.(message);
    } catch (error) {
      observer.failed(error, name);
      const poison = isSagaError(error) && error.code === "SAGA_MESSAGE_POISON";
      if (!poison || !(await addDeadLetter(message, error.message))) {
        return "again";
      }
    }
    handled();
    return "done";
  }

  async function addDeadLetter(message: Message, reason: string): Promise<boolean> {
    try {
      await deadLetters.addDeadLetter(message, reason);
    } catch (error) {
      observer.failed(error, message.topic);
      return false;
    }
    observer.deadLettered(message.topic, reason);
    return true;
  }

  function publishOne(message: Message): Promise<boolean> {
    return new Promise((resolve) => {
      pending.add(resolve);
      const handled = () => {
        pending.delete(resolve);
        resolve(true);
      };
      topicOf(message.topic).queue.add(message.key, { message, handled });
    });
  }

  async function leave(): Promise<void> {
    await Promise.all([...topics.values()].map(({ queue }) => queue.close()));
    for (const resolve of pending) {
      resolve(false);
    }
  }

  return {
    async publish(messages) {
      if (closing !== undefined) {
        return messages.length === 0;
      }
      const sent = await Promise.all(messages.map(publishOne));
      return sent.every(Boolean);
    },
    slots: {
      claim: (topic, key) => topics.get(topic)?.queue.slots.claim(key)?.release,
      wait: (topic, key, taken) => topicOf(topic).queue.slots.wait(key, ({ release }) => taken(release)),
    },
    subscribe(name, { concurrency }, handler) {
      Object.assign(topicOf(name), { concurrency, handler });
    },
    async start() {
      if (closing === undefined) {
        for (const { queue, concurrency } of topics.values()) {
          queue.slots.setLimit(concurrency);
        }
      }
    },
    close() {
      closing ??= leave();
      return closing;
    },
  };
}
