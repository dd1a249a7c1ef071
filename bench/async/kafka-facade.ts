// The generated async facade with its topics on Kafka, its journal in SQLite.
import { createKafkaBroker } from "../../runtime/broker/kafka/kafka-broker.js";
import { runAsyncFacade } from "./async-facade.js";
import { readSetup } from "./side.js";

const setup = readSetup();
const { brokers, partitions } = setup;

await runAsyncFacade(setup, (observer) =>
  createKafkaBroker(
    { brokers, partitions, clientId: "bench", groupId: "bench-facade", replicationFactor: 1 },
    observer,
  ),
);
