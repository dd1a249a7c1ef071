import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { serverPorts } from "../server-ports.js";
import { until } from "../until.js";
import { formattedKafka } from "./formatted.js";
import type { KafkaVersion } from "./jars.js";

/** A user of the SASL listener. */
export const saslUser = { username: "saga", password: "secret" } as const;

/** A Kafka broker: one node, KRaft, on this machine. */
export interface KafkaServer {
  /** `host:port` of the plain listener. */
  readonly address: string;
  /** Of the listener that asks for SASL/PLAIN. */
  readonly saslAddress: string;
  /** Of the TLS listener, with a certificate for `localhost`. */
  readonly tlsAddress: string;
  /** That certificate, PEM: it is its own authority. */
  readonly ca: Buffer;
  /** Resolves once it takes connections. */
  start(): Promise<void>;
  /** Stops it with a clean shutdown. */
  stop(): Promise<void>;
  kill9(): Promise<void>;
}

/** How a broker is set up. */
export interface KafkaServerOptions {
  readonly version: KafkaVersion;
  /** The folder of its data. Existing data is used. */
  readonly directory: string;
  /** A free one by default. */
  readonly port?: number;
  /** More plain listeners, each for clients that reach it by another port: a proxy's. */
  readonly behind?: readonly Behind[];
}

/** A plaintext listener that is advertised with another port. */
export interface Behind {
  readonly port: number;
  readonly advertised: number;
}

const running = new Set<ChildProcess>();
// A test run that is cut short must not leave brokers behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Sets up a broker. It keeps its ports and its data when it is stopped and started again. */
export async function createKafkaServer({
  version,
  directory,
  port,
  behind = [],
}: KafkaServerOptions): Promise<KafkaServer> {
  const formatted = await formattedKafka(version);
  const [free = 0, controller = 0, sasl = 0, tls = 0] = await serverPorts(4);
  const plain = port ?? free;
  const config = join(directory, "server.properties");
  const data = join(directory, "data");
  mkdirSync(directory, { recursive: true });
  const { certificate, keyStore } = createCertificate(directory);
  writeFileSync(config, properties({ plain, controller, sasl, tls, data, keyStore, behind }));
  if (!existsSync(join(data, "meta.properties"))) {
    cpSync(formatted.data, data, { recursive: true });
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
    tlsAddress: `localhost:${tls}`,
    ca: readFileSync(certificate),
    async start() {
      const started = spawn("java", [...formatted.java, "kafka.Kafka", config], {
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
        { timeoutMs: 120_000, what: "Kafka to start" },
      );
    },
    stop: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
  };
}

/** @returns the certificate's file, and one with its key too, as Kafka wants it */
function createCertificate(directory: string): { readonly certificate: string; readonly keyStore: string } {
  const certificate = join(directory, "cert.pem");
  const key = join(directory, "key.pem");
  const keyStore = join(directory, "keystore.pem");
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const kind = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", certificate], { stdio: "pipe" });
  writeFileSync(keyStore, readFileSync(key, "utf8") + readFileSync(certificate, "utf8"));
  return { certificate, keyStore };
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
  readonly tls: number;
  readonly data: string;
  readonly keyStore: string;
  readonly behind: readonly Behind[];
}

function properties({ plain, controller, sasl, tls, data, keyStore, behind }: Layout): string {
  const open = `PLAIN://localhost:${plain},SASL://localhost:${sasl},TLS://localhost:${tls}`;
  const more = (port: keyof Behind) => behind.map((one, n) => `,BEHIND${n}://localhost:${one[port]}`).join("");
  const protocols = behind.map((_, n) => `,BEHIND${n}:PLAINTEXT`).join("");
  const login = "org.apache.kafka.common.security.plain.PlainLoginModule";
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:${controller}
listeners=${open}${more("port")},CONTROLLER://localhost:${controller}
advertised.listeners=${open}${more("advertised")}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT${protocols}
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=${keyStore}
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
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`;
}
