import { expect } from "vitest";
import type { Broker } from "../../../runtime/broker/broker.js";
import { createKafkaBroker } from "../../../runtime/broker/kafka/broker.js";
import type { KafkaBrokerOptions } from "../../../runtime/broker/kafka/options.js";
import type { Scope } from "../../support/scope.js";

/** Who handled what. */
export interface Handled {
  readonly member: string;
  readonly topic: string;
  readonly key: string;
  readonly number: number;
}

/** A group of members in this process, and a load for them. */
export interface Group {
  readonly topics: readonly string[];
  readonly handled: readonly Handled[];
  readonly errors: readonly unknown[];
  /** Starts a member. */
  join(member: string): Promise<Broker>;
  /** Publishes one message more of each key on each topic. */
  publish(broker: Broker): Promise<boolean>;
  /** How many of each key were published, on each topic. */
  readonly published: number;
  /** Whether all that was published was handled, at least once. */
  complete(): boolean;
  /** Fails where a key's message was handled before one that came before it. */
  checkOrder(): void;
}

/** Makes a group that has no member yet. */
export function createGroup(scope: Scope, options: KafkaBrokerOptions, keys: readonly string[]): Group {
  const topics = ["order", "payment"].map((name) => `${name}-${crypto.randomUUID()}`);
  const handled: Handled[] = [];
  const errors: unknown[] = [];
  const seen = new Set<string>();
  let published = 0;

  return {
    topics,
    handled,
    errors,
    get published() {
      return published;
    },
    async join(member) {
      const broker = createKafkaBroker(options, {
        failed: (error) => void errors.push(error),
        lag: () => {},
        deadLettered: () => {},
      });
      scope.use(broker);
      for (const topic of topics) {
        broker.subscribe(topic, { concurrency: 10 }, async ({ key, body }) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
          handled.push({ member, topic, key, number: Number(body) });
          seen.add(`${topic}/${key}/${body}`);
        });
      }
      await broker.start();
      return broker;
    },
    publish(broker) {
      published++;
      const body = String(published);
      return broker.publish(topics.flatMap((topic) => keys.map((key) => ({ topic, key, body }))));
    },
    complete: () => seen.size === published * topics.length * keys.length,
    checkOrder() {
      const last = new Map<string, number>();
      for (const { topic, key, number } of handled) {
        const stream = `${topic}/${key}`;
        const before = last.get(stream) ?? 0;
        // A repeat may come; what is new comes in order.
        expect(number, `of ${stream}`).toBeLessThanOrEqual(before + 1);
        last.set(stream, Math.max(before, number));
      }
    },
  };
}
