// Starts Apache Kafka on this machine, without docker, for those who want to try broker.kind kafka: one node, KRaft.
// Needs Java 17, openssl, and Maven, which fetches Kafka's jars once. `node scripts/kafka-local.mjs [port] [version]`, by default
// 9092 and 4.1.0. The data lies in ./data/kafka-<version>; Ctrl-C stops it.
import { resolve } from "node:path";
import { register } from "tsx/esm/api";

register();
const { kafkaVersions, missingTool } = await import("../test/support/kafka/jars.ts");
const { createKafkaServer } = await import("../test/support/kafka/server.ts");

const [port = "9092", version = kafkaVersions.at(-1)] = process.argv.slice(2);
if (!kafkaVersions.includes(version) || !/^\d+$/.test(port)) {
  process.stderr.write(`usage: node scripts/kafka-local.mjs [port] [${kafkaVersions.join(" | ")}]\n`);
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
