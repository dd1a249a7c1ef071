// The generated async facade with its topics on Kafka, its journal in SQLite.
import { createKafkaBroker } from "../../runtime/broker/kafka/kafka-broker.js";
import { runFacade } from "../support/facade.js";
import { readSetup } from "./side.js";

const setup = readSetup();
const { brokers, partitions } = setup;

await runFacade(setup, {
  openBroker: (observer) =>
    createKafkaBroker(
      { brokers, partitions, clientId: "bench", groupId: "bench-facade", replicationFactor: 1 },
      observer,
    ),
});
