import { describe, expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type Answer, createPlace, type Mode, type Place } from "./booking.js";
import { onKafka } from "./on-kafka.js";
import { allEnded, createPods, type Pod } from "./pods.js";

const scope = createScope();
const without = withoutKafka() ?? (process.env.PG_URL === undefined ? postgresMissing : undefined);
const [version] = kafkaVersions;

interface Booking {
  readonly id: string;
  readonly mode: Mode;
  readonly faultInject: boolean;
  readonly answer: Promise<Answer>;
}

/** Books at the pods by turns until told to stop; whoever gets no answer asks another pod, under the same id. */
function startLoad(pods: readonly Pod[], clients: number) {
  const bookings: Booking[] = [];
  let stopped = false;
  const persist = async (id: string, options: { mode: Mode; faultInject: boolean }): Promise<Answer> => {
    for (let at = bookings.length; ; at++) {
      const answer = await pods[at % pods.length]?.book(id, options);
      // A pod that is gone, or going, has not told how the saga ends.
      if (answer !== undefined && (answer.code === 0 || (answer.info && answer.info.reason !== "SAGA_DRAINING"))) {
        return answer;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const client = async () => {
    while (!stopped) {
      const n = bookings.length;
      const options = { mode: n % 2 === 0 ? ("async" as const) : ("throttled" as const), faultInject: n % 10 < 2 };
      const answer = persist(`p-${n}`, options);
      bookings.push({ id: `p-${n}`, ...options, answer });
      await answer;
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    bookings,
    async stop() {
      stopped = true;
      await done;
    },
  };
}

/** Holds what clients were told, and what the ledgers say, against what should be. */
async function compare(place: Place, bookings: readonly Booking[]): Promise<void> {
  const { orders, payments } = place.ledgers();
  const standing = new Map<string, number>();
  for (const { requestId, status } of [...orders.entries, ...payments.entries]) {
    standing.set(requestId, (standing.get(requestId) ?? 0) + (status === "created" ? 1 : 0));
  }
  for (const { id, mode, faultInject, answer } of bookings) {
    const { code } = await answer;
    expect(code, id).toBe(mode === "throttled" && faultInject ? 3 : 0);
    expect(standing.get(id) ?? 0, id).toBe(faultInject ? 0 : 2);
  }
  for (const [key, times] of [...orders.effectsByKey, ...payments.effectsByKey]) {
    expect(times, key).toBe(1);
  }
}

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
      return until(() => load.bookings.length > from + more, { what: "progress", timeoutMs: 60_000 });
    };
    await progress(100);
    const joined = await b.start();
    await until(async () => ((await pods.owners()).get("b") ?? 0) > 20, {
      what: "the second to do its share",
      timeoutMs: 60_000,
    });
    await joined.kill9();
    await progress(50);
    const again = await b.start();
    await progress(100);
    expect(await again.stop("SIGTERM"), "it leaves within its grace").toEqual({ code: 0, signal: null });
    await progress(50);
    await load.stop();
    await allEnded(pods);
    await compare(place, load.bookings);
  });

  test("the answer finds the pod that holds the connection, and whoever asks another pod gets the same", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    await place.startUpstreams();
    const pods = await createPods(scope, place);
    const [a, b] = [await pods.pod("a"), await pods.pod("b")];
    await Promise.all([a.start(), b.start()]);
    const ids = Array.from({ length: 40 }, (_, n) => `t-${n}`);
    const answers = await Promise.all(ids.map((id) => a.book(id, { mode: "throttled" })));
    expect(answers.map(({ code }) => code)).toEqual(ids.map(() => 0));
    await until(async () => (await pods.owners()).size === 2, { what: "both to have had sagas to end" });
    expect(await Promise.all(ids.map((id) => b.book(id, { mode: "throttled" })))).toEqual(answers);
    const both = await Promise.all(
      ["x", "y", "z"].flatMap((id) => [a, b].map((pod) => pod.book(id, { mode: "throttled" }))),
    );
    expect(both.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(both[0]).toEqual(both[1]);
    expect(place.ledgers().orders.entries).toHaveLength(43);
  });
});
