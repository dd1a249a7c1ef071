import { describe, expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { createPlace } from "./booking.js";
import { killUnderLoad } from "./kill-load.js";
import { onKafka } from "./on-kafka.js";

const scope = createScope();

describe.skipIf(skips("the booking server on Kafka", withoutKafka())).each(kafkaVersions)("on Kafka %s", (version) => {
  const kafka = useKafka(version);

  test("books in all modes, and undoes what fails", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    await place.startServer();
    expect(await place.book("a", { mode: "async" })).toMatchObject({ code: 0 });
    expect(await place.book("t", { mode: "throttled" })).toMatchObject({ code: 0, orderId: expect.any(BigInt) });
    expect(await place.book("f", { mode: "throttled", faultInject: true })).toMatchObject({ code: 3 });
    expect(await place.book("s", { mode: "sync" })).toMatchObject({ code: 0 });
    await place.settled(["a", "t", "f", "s"]);
    const standing = place.ledgers().payments.entries.filter(({ status }) => status === "created");
    expect(standing.map(({ requestId }) => requestId).sort()).toEqual(["a", "s", "t"]);
  });

  test("SIGKILL at random moments under load: nothing is lost, nothing happens twice", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    await killUnderLoad(place, { rounds: 3, clients: 8, mostInRound: 90, latestMs: 2_000 });
  });
});
