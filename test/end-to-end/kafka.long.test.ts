import { describe, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { createPlace } from "./booking.js";
import { killUnderLoad } from "./kill-load.js";
import { onKafka } from "./on-kafka.js";

const scope = createScope();

describe.skipIf(skips("the booking server on Kafka", withoutKafka())).each(kafkaVersions)("on Kafka %s", (version) => {
  const kafka = useKafka(version);

  test("SIGKILL at random moments under load: nothing is lost, nothing happens twice", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    await killUnderLoad(place, { rounds: 3, clients: 8, mostInRound: 90, latestMs: 2_000 });
  });
});
