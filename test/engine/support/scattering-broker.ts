import type { Broker, Handler } from "../../../runtime/broker/broker.js";
import { isSagaError } from "../../../runtime/core/errors.js";
import type { Message } from "../../../runtime/journal/journal.js";

/** Topics that several engines of a test share. */
export interface Scattering {
  /** A member: what one engine has as its broker. */
  member(): Broker;
  /** The keys of what was published on a topic. */
  keysOn(topic: string): readonly string[];
  /** How many deliveries there were. */
  readonly deliveries: number;
  /** What handlers rejected with, poison left out. */
  readonly failures: readonly unknown[];
}

/**
 * The worst that Kafka may do: every message goes to any member, one in three to two of them at the same time, and what a
 * handler rejects comes again, anywhere.
 * @param random from 0 up to but not including 1
 */
export function createScattering(random: () => number): Scattering {
  const members: Map<string, Handler>[] = [];
  const failures: unknown[] = [];
  const published: Message[] = [];
  let deliveries = 0;

  async function deliver(message: Message): Promise<void> {
    const handler = members[Math.floor(random() * members.length)]?.get(message.topic);
    deliveries++;
    try {
      await handler?.(message);
    } catch (error) {
      if (isSagaError(error) && error.code === "SAGA_MESSAGE_POISON") {
        return;
      }
      failures.push(error);
      setTimeout(() => void deliver(message), 5);
    }
  }

  return {
    failures,
    keysOn: (topic) => published.filter((message) => message.topic === topic).map(({ key }) => key),
    get deliveries() {
      return deliveries;
    },
    member() {
      const handlers = new Map<string, Handler>();
      return {
        publish(messages) {
          published.push(...messages);
          for (const message of messages) {
            const times = random() < 1 / 3 ? 2 : 1;
            for (let n = 0; n < times; n++) {
              setTimeout(() => void deliver(message), random() * 3);
            }
          }
          return Promise.resolve(true);
        },
        subscribe: (topic, _options, handler) => void handlers.set(topic, handler),
        start: async () => void members.push(handlers),
        close: async () => {},
      };
    },
  };
}
