import { expect, test } from "vitest";
import { stepTopics, topics } from "../../generated/topic/booking/booking/booking-service/handle-async-booking.js";
import { createKafkaBroker } from "../../runtime/broker/kafka/broker.js";
import type { Message } from "../../runtime/journal/journal.js";
import { testOptions } from "../support/kafka/adapter.js";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { startBookingServer } from "./support/booking-server.js";
import { manySagas } from "./support/many-sagas.js";

const scope = createScope();
const prefix = "echo.";
const without = withoutKafka();
const kafka = without === undefined ? useKafka(kafkaVersions[1]) : { brokers: [] };

/** What others may do with a message: repeat it, send that of the next step too early, or that of a rollback. */
function mischief({ topic, key, body }: Message): Message[] {
  const again = { topic, key, body };
  const early = { ...(JSON.parse(body) as object), current_index: 1 };
  return [
    again,
    { topic: prefix + stepTopics.createPayment, key, body: JSON.stringify(early) },
    { topic: prefix + topics.rollback, key, body },
    again,
  ];
}

test.skipIf(skips("messages that others repeat and reorder", without))(
  "messages that come twice, too early or for nothing change nothing: each saga ends rightly",
  { timeout: 200_000 },
  async () => {
    const broker = { kind: "kafka" as const, kafka: { brokers: [...kafka.brokers], partitions: 3 } };
    const server = await startBookingServer(scope, { config: { broker, topic_prefix: prefix } });
    const rollback = prefix + topics.rollback;
    const steps = Object.values(stepTopics).map((topic) => prefix + topic);
    const other = createKafkaBroker(testOptions(kafka.brokers, { extraTopics: [...steps, rollback] }), {
      failed() {},
      lag() {},
      deadLettered() {},
    });
    scope.defer(() => other.close());
    const seen = new Set<string>();
    const echo = async (message: Message) => {
      const name = `${message.topic} ${message.key}`;
      if (!seen.has(name)) {
        seen.add(name);
        await other.publish(mischief(message));
      }
    };
    for (const topic of steps) {
      other.subscribe(topic, { concurrency: 64 }, echo);
    }
    await other.start();
    await manySagas(server, 1_000, 50);
    expect(seen.size, "the other one was there").toBeGreaterThan(500);
  },
);
