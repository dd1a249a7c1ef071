import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { createKafkaBroker } from "../../../runtime/broker/kafka/broker.js";
import type { KafkaBrokerOptions } from "../../../runtime/broker/kafka/options.js";
import { freeAddress } from "../../support/free-port.js";
import { testOptions } from "../../support/kafka/adapter.js";
import { kafkaVersions } from "../../support/kafka/jars.js";
import { saslUser } from "../../support/kafka/server.js";
import { skips, useKafka, withoutOwnKafka } from "../../support/kafka/test-kafka.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";

const scope = createScope();

async function open(brokers: readonly string[], changed: Partial<KafkaBrokerOptions>) {
  const silent = { failed: () => {}, lag: () => {}, deadLettered: () => {} };
  return scope.use(createKafkaBroker(testOptions(brokers, changed), silent));
}

/** What `start` throws. */
async function failure(brokers: readonly string[], changed: Partial<KafkaBrokerOptions>): Promise<unknown> {
  const broker = await open(brokers, { startTimeoutMs: 1_500, ...changed });
  broker.subscribe(`cancel-${crypto.randomUUID()}`, { concurrency: 1 }, async () => {});
  return broker.start().then(
    () => expect.fail("it started"),
    (error: unknown) => error,
  );
}

test("no broker at all: the start fails in time, and says where it looked", async () => {
  const [first, second] = [await freeAddress(), await freeAddress()];
  expect(await failure([first, second], {})).toMatchObject({
    code: "SAGA_BROKER_UNAVAILABLE",
    message: expect.stringContaining(`no Kafka broker can be reached at ${first}, ${second} with no TLS and no SASL`),
  });
});

/** What else may listen on an address that is thought to be Kafka's. */
const answering = (hex: string) =>
  createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(Buffer.from(hex, "hex")));
  });
test.each([
  ["an HTTP/2 server", () => createHttp2Server()],
  ["the first frame of HTTP/2", () => answering("00001204000000000000020000000000030000000000040000ffff")],
  ["a length and then nonsense", () => answering("0000000cffffffffffffffffffffffff")],
  ["an empty answer", () => answering("00000000")],
  ["a line of text", () => answering(Buffer.from("220 mail.example ESMTP\r\n").toString("hex"))],
])("a broker address where something else answers, %s, is reported as such, and ends nothing", async (_, listen) => {
  const server = listen();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  scope.defer(() => server.close());
  const at = server.address();
  const address = `localhost:${typeof at === "object" && at !== null ? at.port : 0}`;
  expect(await failure([address], { startTimeoutMs: 3_000 })).toMatchObject({
    code: "SAGA_BROKER_UNAVAILABLE",
    message: expect.stringContaining(address),
  });
});

describe.skipIf(skips("Kafka's SASL and TLS", withoutOwnKafka())).each(kafkaVersions)("Kafka %s", (version) => {
  const kafka = useKafka(version);
  const plain = { mechanism: "plain", ...saslUser } as const;

  test("takes messages from a user that it knows", async () => {
    const topic = `cancel-${crypto.randomUUID()}`;
    const broker = await open([kafka.server.saslAddress], { sasl: plain });
    const arrived: string[] = [];
    broker.subscribe(topic, { concurrency: 1 }, async ({ body }) => void arrived.push(body));
    await broker.start();
    expect(await broker.publish([{ topic, key: "a", body: "a/1" }])).toBe(true);
    await until(() => arrived.length === 1, { what: "the message" });
  });

  test.each([
    ["a wrong password", { ...plain, password: "wrong" }],
    ["a mechanism that it doesn't have", { ...plain, mechanism: "scram-sha-512" } as const],
  ])("is not tried again with %s: the error says what to check", async (_, sasl) => {
    const begun = Date.now();
    expect(await failure([kafka.server.saslAddress], { sasl, startTimeoutMs: 30_000 })).toMatchObject({
      code: "SAGA_BROKER_UNAVAILABLE",
      message: expect.stringMatching(/localhost:\d+ does not accept the credentials .*check broker\.kafka\.sasl/),
    });
    expect(Date.now() - begun).toBeLessThan(10_000);
  });

  test("that wants credentials and gets none says so", async () => {
    expect(await failure([kafka.server.saslAddress], {})).toMatchObject({
      code: "SAGA_BROKER_UNAVAILABLE",
      message: expect.stringContaining("with no TLS and no SASL"),
    });
  });

  test("speaks TLS to whom the certificate is trusted by", async () => {
    const topic = `cancel-${crypto.randomUUID()}`;
    const broker = await open([kafka.server.tlsAddress], { tls: { ca: kafka.server.ca } });
    const arrived: string[] = [];
    broker.subscribe(topic, { concurrency: 1 }, async ({ body }) => void arrived.push(body));
    await broker.start();
    expect(await broker.publish([{ topic, key: "a", body: "a/1" }])).toBe(true);
    await until(() => arrived.length === 1, { what: "the message" });
  });

  test("is not trusted with a certificate of an unknown authority", async () => {
    expect(await failure([kafka.server.tlsAddress], { tls: {}, startTimeoutMs: 30_000 })).toMatchObject({
      code: "SAGA_BROKER_UNAVAILABLE",
      message: expect.stringMatching(/no trusted TLS connection to Kafka at localhost:\d+ .*check broker\.kafka\.tls/),
    });
  });

  test("that does not speak TLS where it should: the error tells what was tried", async () => {
    expect(await failure([kafka.server.address], { tls: { ca: kafka.server.ca } })).toMatchObject({
      code: "SAGA_BROKER_UNAVAILABLE",
      message: expect.stringContaining("with TLS and no SASL"),
    });
  });

  test("has too few brokers for the replication: the error names the key", async () => {
    expect(await failure([kafka.server.address], { replicationFactor: 3 })).toMatchObject({
      code: "SAGA_CONFIG_INVALID",
      message: expect.stringContaining("broker.kafka.replication_factor"),
    });
  });
});
