import { describe, expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";
import { onKafka } from "./on-kafka.js";
import { compare, startLoad } from "./pod-load.js";
import { allEnded, createPods } from "./pods.js";

const scope = createScope();
const without = withoutKafka() ?? (process.env.PG_URL === undefined ? postgresMissing : undefined);
const [, version] = kafkaVersions;

describe.skipIf(skips("two pods on Kafka and PostgreSQL", without))("two pods on one Kafka and one PostgreSQL", () => {
  const kafka = useKafka(version);

  test("a pod joins, is killed and comes back, and leaves, under load: nothing is lost, nothing happens twice", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    const pods = await createPods(scope, place);
    const [a, b] = [await pods.pod("a"), await pods.pod("b")];
    await a.start();
    const load = startLoad([a, b], 8);
    const progress = (more: number) => {
      const from = load.bookings.length;
      return until(() => load.bookings.length > from + more, { what: "progress", timeoutMs: 120_000 });
    };
    await progress(100);
    const joined = await b.start();
    await until(async () => ((await pods.owners()).get("b") ?? 0) > 20, {
      what: "the second to do its share",
      timeoutMs: 120_000,
    });
    await joined.kill9();
    await progress(50);
    const again = await b.start();
    await progress(100);
    expect(await again.stop("SIGTERM"), "it leaves within its grace").toEqual({ code: 0, signal: null });
    await progress(50);
    await load.stop();
    await allEnded(pods);
    await compare(place, load.bookings, pods.saga);
  }, 240_000);

  test("the answer finds the pod that holds the connection, and whoever asks another pod gets the same", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    const pods = await createPods(scope, place);
    const [a, b] = [await pods.pod("a"), await pods.pod("b")];
    await Promise.all([a.start(), b.start()]);
    let warm = 0;
    const shares = async () => {
      await a.book(`w-${warm++}`, { mode: "throttled" });
      return (await pods.owners()).size === 2;
    };
    await until(shares, { what: "both to have their share of the topics", timeoutMs: 120_000 });
    const ids = Array.from({ length: 40 }, (_, n) => `t-${n}`);
    const answers = await Promise.all(ids.map((id) => a.book(id, { mode: "throttled" })));
    expect(answers.map(({ code }) => code)).toEqual(ids.map(() => 0));
    expect(await Promise.all(ids.map((id) => b.book(id, { mode: "throttled" })))).toEqual(answers);
    const both = await Promise.all(
      ["x", "y", "z"].flatMap((id) => [a, b].map((pod) => pod.book(id, { mode: "throttled" }))),
    );
    expect(both.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(both[0]).toEqual(both[1]);
    expect(place.ledgers().orders.entries).toHaveLength(43 + warm);
  });
});
