import { describe } from "vitest";
import { createKafkaBroker } from "../../../runtime/broker/kafka/broker.js";
import { readDeadLetters, testOptions } from "../../support/kafka/adapter.js";
import { kafkaVersions } from "../../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../../support/kafka/test-kafka.js";
import { brokerConformance } from "../conformance.js";

const why = withoutKafka();
// One that is given has the version that it has.
const versions = process.env.KAFKA_BROKERS === undefined ? kafkaVersions : kafkaVersions.slice(0, 1);

describe.skipIf(skips("the broker's conformance on Kafka", why)).each(versions)("Kafka %s", (version) => {
  const kafka = useKafka(version);
  brokerConformance("Kafka", () => ({
    open: ({ observer, redeliveryDelayMs }) =>
      createKafkaBroker(testOptions(kafka.brokers, { redeliveryDelayMs }), observer),
    deadLetters: (topic) => readDeadLetters(kafka.brokers, topic),
  }));
});
