import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type KafkaVersion, kafkaClassPath, publish } from "./jars.js";

/** What brokers of a version need before their first start. It is made once, next to its jars. */
export interface Formatted {
  /** A data folder as Kafka's storage tool formats it, to be copied. */
  readonly data: string;
  /** How Java runs Kafka: with its classes archived, which halves the processor time of a broker's start. */
  readonly java: readonly string[];
}

const flags = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** Formats a data folder for the broker and controller `node.id=1`, unless there is one. */
export async function formattedKafka(version: KafkaVersion): Promise<Formatted> {
  const classPath = await kafkaClassPath(version);
  const folder = join(dirname(dirname(classPath)), `${version}-formatted`);
  const java = [...flags, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classPath];
  if (!existsSync(folder)) {
    const work = mkdtempSync(join(dirname(folder), "format-"));
    try {
      const config = join(work, "server.properties");
      writeFileSync(config, properties(join(work, "data")));
      // A random one may begin with a dash, which the tool takes for an option.
      const id = `p${randomBytes(16).toString("base64url").slice(1)}`;
      const archive = `-XX:ArchiveClassesAtExit=${join(work, archiveName)}`;
      const tool = [archive, ...java, "kafka.tools.StorageTool", "format", "-t", id, "-c", config];
      execFileSync("java", tool, { stdio: "pipe" });
      publish(work, folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return { data: join(folder, "data"), java: [`-XX:SharedArchiveFile=${join(folder, archiveName)}`, ...java] };
}

const archiveName = "classes.jsa";

function properties(data: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:1
listeners=PLAIN://localhost:2,CONTROLLER://localhost:1
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs=${data}
`;
}
