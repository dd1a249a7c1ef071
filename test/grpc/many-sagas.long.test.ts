import { expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { startBookingServer } from "./support/booking-server.js";
import { manySagas, patientService } from "./support/many-sagas.js";

const scope = createScope();
const count = 10_000;

test("10,000 sagas with faults of each kind on the embedded broker: each has the right end", {
  timeout: 300_000,
}, async () => {
  await manySagas(await startBookingServer(scope, { services: [patientService] }), count);
});

const [version] = kafkaVersions;
const without = withoutKafka();
const kafka = without === undefined ? useKafka(version) : { brokers: [] };

test.skipIf(skips("10,000 sagas on Kafka", without))(
  "10,000 sagas with faults of each kind on Kafka: each has the right end",
  { timeout: 300_000 },
  async () => {
    const broker = { kind: "kafka" as const, kafka: { brokers: [...kafka.brokers], partitions: 3 } };
    const server = await startBookingServer(scope, {
      services: [patientService],
      config: { broker, topic_prefix: "many." },
    });
    await manySagas(server, count);
    expect(server.payments.calls.length).toBeGreaterThan(count);
  },
);
