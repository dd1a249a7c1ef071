import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type HarmfulProxy, startProxy } from "../proxy.js";
import { serverPorts } from "../server-ports.js";
import { brokersReady } from "./adapter.js";
import { type KafkaVersion, missingTool } from "./jars.js";
import { createKafkaServer, type KafkaServer } from "./server.js";

/** The Kafka of a test file. */
export interface TestKafka {
  /** `host:port`, from the first test on. */
  readonly brokers: readonly string[];
  /** The broker itself, where the test may stop and start it. */
  readonly server: KafkaServer;
  /** The proxy between some clients and the broker. */
  readonly proxy: HarmfulProxy;
}

/** Why a test file's Kafka is not there; undefined if it is. */
export function withoutKafka(): string | undefined {
  const given = process.env.KAFKA_BROKERS;
  const missing = given === undefined ? missingTool() : undefined;
  return missing && `${missing} is not installed, and KAFKA_BROKERS is not set`;
}

/** Why there is no Kafka that may be stopped; undefined if there is one. */
export function withoutOwnKafka(): string | undefined {
  return process.env.KAFKA_BROKERS === undefined ? withoutKafka() : "KAFKA_BROKERS names one that is not ours to stop";
}

/** Says loudly that tests are skipped. @returns whether they are */
export function skips(what: string, why: string | undefined): boolean {
  if (why !== undefined) {
    process.stderr.write(`\nSKIPPED, NOT TESTED: ${what}: ${why}\n`);
  }
  return why !== undefined;
}

/**
 * A Kafka for the tests of a file: KAFKA_BROKERS, or a broker of the version that lives as long as the file's tests.
 */
export function useKafka(version: KafkaVersion): TestKafka {
  const given = process.env.KAFKA_BROKERS?.split(",");
  let server: KafkaServer | undefined;
  let proxy: HarmfulProxy | undefined;
  let directory: string | undefined;

  beforeAll(async () => {
    if (given === undefined) {
      directory = mkdtempSync(join(tmpdir(), "protosaga-kafka-data-"));
      const [port = 0] = await serverPorts(1);
      proxy = await startProxy(port);
      server = await createKafkaServer({ version, directory, behind: [{ port, advertised: proxy.port }] });
      await server.start();
      await brokersReady([server.address]);
    }
  }, 300_000);
  afterAll(async () => {
    await proxy?.close();
    await server?.kill9();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  return {
    get brokers() {
      return given ?? [this.server.address];
    },
    get server() {
      if (server === undefined) throw new Error("there is no broker of our own before the first test");
      return server;
    },
    get proxy() {
      if (proxy === undefined) throw new Error("there is no broker of our own before the first test");
      return proxy;
    },
  };
}
