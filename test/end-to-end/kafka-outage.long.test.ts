import { describe, expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutOwnKafka } from "../support/kafka/test-kafka.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";
import { onKafka } from "./on-kafka.js";
import { compare, startLoad } from "./pod-load.js";

const scope = createScope();

describe.skipIf(skips("a booking server whose Kafka goes", withoutOwnKafka())).each(kafkaVersions)(
  "a booking server on Kafka %s",
  (version) => {
    const kafka = useKafka(version);

    test("goes on when its Kafka was stopped, and killed, under load: nothing accepted is lost", async () => {
      const place = await createPlace(scope, onKafka(kafka.brokers));
      await place.startUpstreams();
      const server = await place.startServer();
      const load = startLoad([{ book: place.book }], 8);
      const progress = (more: number) => {
        const from = load.bookings.length;
        return until(() => load.bookings.length > from + more, { what: "progress", timeoutMs: 120_000 });
      };
      await progress(50);
      await kafka.server.stop();
      // Accepting goes on: the journal holds what Kafka can't yet.
      const accepted = await Promise.all(["x", "y", "z"].map((id) => place.book(id, { mode: "async" })));
      expect(accepted.map(({ code }) => code)).toEqual([0, 0, 0]);
      await kafka.server.start();
      await progress(50);
      await kafka.server.kill9();
      await kafka.server.start();
      await progress(50);
      await load.stop();
      await place.settled([...load.bookings.map(({ id }) => id), "x", "y", "z"]);
      await compare(place, load.bookings);
      expect(await server.stop("SIGTERM")).toEqual({ code: 0, signal: null });
    });
  },
);
