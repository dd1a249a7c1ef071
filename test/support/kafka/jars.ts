import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** The versions that are tested: the last of the 3.x line, and one of the 4.x line. */
export const kafkaVersions = ["3.9.1", "4.1.0"] as const;

/** A version of Apache Kafka. */
export type KafkaVersion = (typeof kafkaVersions)[number];

/** Kafka 3 logs through log4j 1 itself, besides slf4j. */
const logging: Readonly<Record<KafkaVersion, readonly string[]>> = {
  "3.9.1": ["org.slf4j:slf4j-simple:1.7.36", "ch.qos.reload4j:reload4j:1.2.25"],
  "4.1.0": ["org.slf4j:slf4j-simple:1.7.36"],
};

const kept = join(tmpdir(), "protosaga-kafka");

/** Whether a version's jars are on this machine already. */
export function kafkaFetched(version: KafkaVersion): boolean {
  return existsSync(join(kept, version));
}

/** Whether the machine has what it takes to run Kafka from its jars. @returns what is missing, or undefined */
export function missingTool(): string | undefined {
  // Maven only fetches; asking it costs a second.
  return [
    ["java", "-version"],
    ...(kafkaVersions.every(kafkaFetched) ? [] : [["mvn", "-version"]]),
    ["openssl", "version"],
  ].find(([tool = "", option = ""]) => {
    try {
      execFileSync(tool, [option], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  })?.[0];
}

/**
 * Kafka's jars, fetched by Maven once and kept in the system's folder for temporary files.
 * @returns Java's class path
 */
export async function kafkaClassPath(version: KafkaVersion): Promise<string> {
  mkdirSync(kept, { recursive: true });
  // By one name: Java takes archived classes only for the class path that they were archived from.
  const root = realpathSync(kept);
  const folder = join(root, version);
  if (!existsSync(folder)) {
    const work = mkdtempSync(join(root, "fetch-"));
    try {
      writeFileSync(join(work, "pom.xml"), pom([`org.apache.kafka:kafka_2.13:${version}`, ...logging[version]]));
      const copy = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies";
      const options = ["-DincludeScope=runtime", "-DoutputDirectory=lib"];
      await promisify(execFile)("mvn", ["-q", "-B", copy, ...options], { cwd: work });
      publish(join(work, "lib"), folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return join(folder, "*");
}

/** Moves a folder to its place, unless another process was faster. */
export function publish(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) {
      throw error;
    }
  }
}

function pom(artefacts: readonly string[]): string {
  const dependencies = artefacts.map((artefact) => {
    const [group, name, version] = artefact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>protosaga</groupId><artifactId>kafka-jars</artifactId><version>1</version>
<dependencies>${dependencies.join("\n")}</dependencies></project>
`;
}
