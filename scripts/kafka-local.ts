// Starts Apache Kafka on this machine without docker: one node, KRaft. Needs Java 17, openssl, and Maven, which fetches
// Kafka's jars once. `npm run kafka -- [port] [version]`; default: port 9092, Kafka 4.1.0. The data is in
// ./data/kafka-<version>. Ctrl-C stops the server.
import { resolve } from "node:path";
import { kafkaVersions, missingTool } from "../test/support/kafka/jars.js";
import { createKafkaServer } from "../test/support/kafka/server.js";

const [port = "9092", asked = "4.1.0"] = process.argv.slice(2);
const version = kafkaVersions.find((known) => known === asked);
if (version === undefined || !/^\d+$/.test(port)) {
  process.stderr.write(`usage: npm run kafka -- [port] [${kafkaVersions.join(" | ")}]\n`);
  process.exit(2);
}
const missing = missingTool();
if (missing !== undefined) {
  process.stderr.write(`${missing} is not installed; this needs Java 17, Maven and openssl\n`);
  process.exit(1);
}
const server = await createKafkaServer({ version, directory: resolve("data", `kafka-${version}`), port: Number(port) });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => server.stop().then(() => process.exit(0)));
}
await server.start();
process.stdout.write(`Kafka ${version} ready on ${server.address}\n`);
