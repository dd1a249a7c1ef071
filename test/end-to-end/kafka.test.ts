import { describe, expect, test } from "vitest";
import { kafkaFetched } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { createPlace } from "./booking.js";
import { onKafka } from "./on-kafka.js";

const scope = createScope();
const version = "4.1.0";
const unfetched = process.env.KAFKA_BROKERS === undefined && !kafkaFetched(version);
// The long suite has Maven fetch them. This suite fetches nothing.
const without = withoutKafka() ?? (unfetched ? `the jars of Kafka ${version} are not here yet` : undefined);

describe.skipIf(skips("the booking server on Kafka", without))("the booking server on Kafka", () => {
  const kafka = useKafka(version);

  test("books in all modes, and compensates what fails", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    await place.startServer();
    expect(await place.book("a", { mode: "async" })).toMatchObject({ code: 0 });
    expect(await place.book("t", { mode: "throttled" })).toMatchObject({ code: 0, orderId: expect.any(BigInt) });
    expect(await place.book("f", { mode: "throttled", faultInject: true })).toMatchObject({ code: 3 });
    expect(await place.book("s", { mode: "sync" })).toMatchObject({ code: 0 });
    await place.settled(["a", "t", "f", "s"]);
    const created = place.ledgers().payments.entries.filter(({ status }) => status === "created");
    expect(created.map(({ requestId }) => requestId).sort()).toEqual(["a", "s", "t"]);
  });
});
