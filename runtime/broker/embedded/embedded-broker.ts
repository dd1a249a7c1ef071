import { isSagaError } from "../../core/errors.js";
import type { Message } from "../../journal/journal.js";
import type { Broker, BrokerObserver, DeadLetters, Handler } from "../broker.js";
import { createTopicPlaces, type Place, type TopicPlaces } from "./topic-places.js";

/** How the embedded broker delivers. */
export interface EmbeddedBrokerOptions {
  /** How long a message that could not be handled waits before it is delivered again, ms; doubled each time. Default: 1000. */
  readonly redeliveryDelayMs?: number;
  /** How long it waits at most, ms. Default: 60 000. */
  readonly maxRedeliveryDelayMs?: number;
  /** Runs an action once, in so many ms, and gives a function that calls it off. Default: the machine's timers */
  readonly after?: (ms: number, action: () => void) => () => void;
}

interface Topic {
  readonly places: TopicPlaces;
  handler: Handler | undefined;
}

/**
 * The broker inside the process. It stores nothing: what asks for a message is a saga's state, which the journal holds,
 * so a saga's transition and its next message are one transaction. After a crash the sagas are found there, and their
 * messages sent again.
 */
export function createEmbeddedBroker(
  deadLetters: DeadLetters,
  observer: BrokerObserver,
  { redeliveryDelayMs = 1_000, maxRedeliveryDelayMs = 60_000, after = afterReal }: EmbeddedBrokerOptions = {},
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
    const known = topics.get(name) ?? { places: createTopicPlaces(), handler: undefined };
    topics.set(name, known);
    return known;
  }

  function open(): void {
    for (const { places, handler } of topics.values()) {
      places.open = running && handler !== undefined;
    }
  }

  /** Counts a place that is taken without a delivery. @returns what gives it back */
  function claimed(place: Place): () => void {
    let given = false;
    claims++;
    return () => {
      if (!given) {
        given = true;
        claims--;
        onGiven?.();
        place.giveBack();
      }
    };
  }

  function send(message: Message, handled: () => void): void {
    const topic = topicOf(message.topic);
    let delayMs = redeliveryDelayMs;
    const waiting = {
      key: message.key,
      begin(place: Place) {
        const delivery = deliver(place).finally(() => underWay.delete(delivery));
        underWay.add(delivery);
      },
    };
    async function deliver(place: Place): Promise<void> {
      if (await settle(topic, message)) {
        place.giveBack();
        handled();
      } else {
        // Its key stays taken until then, so that no later message overtakes it.
        const giveKey = place.keepKey();
        if (running) {
          later(delayMs, () => {
            topic.places.waitFirst(waiting);
            giveKey();
          });
          delayMs = Math.min(2 * delayMs, maxRedeliveryDelayMs);
        }
      }
    }
    topic.places.wait(waiting);
  }

  function later(delayMs: number, action: () => void): void {
    const cancel = after(delayMs, () => {
      timers.delete(cancel);
      action();
    });
    timers.add(cancel);
  }

  /** @returns whether the message is taken care of */
  async function settle({ handler }: Topic, message: Message): Promise<boolean> {
    try {
      await handler?.(message);
      return true;
    } catch (error) {
      observer.failed(error, message.topic);
      return isSagaError(error) && error.code === "SAGA_MESSAGE_POISON" && bury(message, error.message);
    }
  }

  async function bury(message: Message, reason: string): Promise<boolean> {
    try {
      await deadLetters.addDeadLetter(message, reason);
      observer.buried(message.topic, reason);
      return true;
    } catch (error) {
      observer.failed(error, message.topic);
      return false;
    }
  }

  async function leave(): Promise<void> {
    running = false;
    open();
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
    async publish(messages) {
      const sent = await Promise.all(
        messages.map((message) => {
          return new Promise<boolean>((resolve) => {
            if (closing !== undefined) {
              resolve(false);
              return;
            }
            unsent.add(resolve);
            send(message, () => {
              unsent.delete(resolve);
              resolve(true);
            });
          });
        }),
      );
      return sent.every(Boolean);
    },
    places: {
      claim(topic, key) {
        const place = topics.get(topic)?.places.claim(key);
        return place === undefined ? undefined : claimed(place);
      },
      wait(topic, key, taken) {
        topicOf(topic).places.wait({ key, begin: (place) => taken(claimed(place)) });
      },
    },
    subscribe(name, { concurrency }, handler) {
      const topic = topicOf(name);
      topic.places.limit = concurrency;
      topic.handler = handler;
    },
    async start() {
      running = true;
      open();
      for (const { places } of topics.values()) {
        places.pump();
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
