import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../free-port.js";
import { until } from "../until.js";
import { type KafkaVersion, kafkaClassPath } from "./jars.js";

/** A user of the SASL listener. */
export const saslUser = { username: "saga", password: "secret" } as const;

/** A Kafka broker of its own: one node, KRaft, on this machine. */
export interface KafkaServer {
  /** `host:port` of the plain listener. */
  readonly address: string;
  /** Of the listener that asks for SASL/PLAIN. */
  readonly saslAddress: string;
  /** Resolves once it takes connections. */
  start(): Promise<void>;
  /** Orderly, as an operator does. */
  stop(): Promise<void>;
  kill9(): Promise<void>;
}

/** How a broker is set up. */
export interface KafkaServerOptions {
  readonly version: KafkaVersion;
  /** Where its data lies; what lies there already is used. */
  readonly directory: string;
  /** A free one by default. */
  readonly port?: number;
}

const running = new Set<ChildProcess>();
// A test run that is cut short must not leave brokers behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Sets up a broker. It keeps its ports and its data when it is stopped and started again. */
export async function createKafkaServer({ version, directory, port }: KafkaServerOptions): Promise<KafkaServer> {
  const classPath = kafkaClassPath(version);
  const plain = port ?? (await freePort());
  const [controller, sasl] = [await freePort(), await freePort()];
  const config = join(directory, "server.properties");
  const data = join(directory, "data");
  mkdirSync(directory, { recursive: true });
  writeFileSync(config, properties({ plain, controller, sasl, data }));
  if (!existsSync(join(data, "meta.properties"))) {
    const id = randomBytes(16).toString("base64url");
    execFileSync("java", [...java(classPath), "kafka.tools.StorageTool", "format", "-t", id, "-c", config]);
  }
  let child: ChildProcess | undefined;
  let errors = "";

  function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    return new Promise((resolve) => {
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) {
        resolve();
        return;
      }
      ending.once("exit", () => resolve());
      ending.kill(signal);
    });
  }

  return {
    address: `localhost:${plain}`,
    saslAddress: `localhost:${sasl}`,
    async start() {
      const started = spawn("java", [...java(classPath), "kafka.Kafka", config], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      child = started;
      running.add(started);
      started.once("exit", () => running.delete(started));
      started.stderr?.setEncoding("utf8").on("data", (text: string) => {
        errors = (errors + text).slice(-10_000);
      });
      await until(
        () => {
          if (started.exitCode !== null) throw new Error(`Kafka ended at once:\n${errors}`);
          return accepts(plain);
        },
        { timeoutMs: 60_000, what: "Kafka to start" },
      );
    },
    stop: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
  };
}

function java(classPath: string): string[] {
  const small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  return [...small, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classPath];
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "localhost");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

interface Layout {
  readonly plain: number;
  readonly controller: number;
  readonly sasl: number;
  readonly data: string;
}

function properties({ plain, controller, sasl, data }: Layout): string {
  const login = "org.apache.kafka.common.security.plain.PlainLoginModule";
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:${controller}
listeners=PLAIN://localhost:${plain},SASL://localhost:${sasl},CONTROLLER://localhost:${controller}
advertised.listeners=PLAIN://localhost:${plain},SASL://localhost:${sasl}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=${login} required user_${saslUser.username}="${saslUser.password}";
log.dirs=${data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
controlled.shutdown.enable=false
`;
}
