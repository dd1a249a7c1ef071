// The generated async facade with its topics on Kafka, its journal in SQLite.
import { runFacade } from "../support/facade.js";
import { readSetup } from "./side.js";

const setup = readSetup();
const { brokers, partitions } = setup;

await runFacade(setup, { config: { broker: { kind: "kafka", kafka: { brokers: [...brokers], partitions } } } });
