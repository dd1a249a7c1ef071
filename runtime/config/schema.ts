import { hostname } from "node:os";
import { z } from "zod";

/** Environment variables are text. A value in a file must be a number: zod's coercion would read `true` as 1. */
const asNumber = (value: unknown) =>
  typeof value === "string" && value.trim() !== "" && value !== "forever" ? Number(value) : value;

/** host:port */
const address = z
  .string()
  .refine((text) => /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d+$/.test(text), { error: "must be host:port", abort: true })
  .refine((text) => Number(text.slice(text.lastIndexOf(":") + 1)) < 65_536, "the port must be at most 65535");

/** A whole number in a range. */
const count = (least: number, most: number) => z.preprocess(asNumber, z.number().int().min(least).max(most));

/** A duration, ms. The maximum is that of Node's timers. */
const ms = count(1, 2 ** 31 - 1);

const keepError = 'must be a whole number of ms, from 1000 to 315360000000, or "forever"';

/** A retention time, ms, at most ten years. */
const keepMs = z.preprocess(
  asNumber,
  z
    .union([z.literal("forever"), z.number()], keepError)
    .refine((value) => value === "forever" || (Number.isInteger(value) && value >= 1_000 && value <= 315_360_000_000), {
      message: keepError,
    }),
);

/** A boolean. The environment may also use `1`, `on`, `no` and the like. */
const flag = z.union([z.boolean(), z.stringbool()], "must be true or false");

/** The path of a file. */
const file = z.string().min(1);

/** TLS for connections that this server opens. */
const clientTls = z.strictObject({
  enabled: flag.default(false).describe("Whether to use TLS. Default: plaintext."),
  ca: file.optional().describe("PEM file of the trusted certificate authorities. Default: the system's."),
  cert: file.optional().describe("PEM file of the client's certificate."),
  key: file.optional().describe("PEM file of the client's key."),
});

/** Settings of one topic. */
export const topicSchema = z.strictObject({
  concurrency: count(1, 10_000).describe("The number of its messages that this server handles at the same time."),
});

/** How to reach one upstream service. */
export const upstreamSchema = z.strictObject({
  address: address.describe("host:port"),
  tls: clientTls.prefault({}),
  keepalive_ms: ms.default(30_000).describe("The interval of keepalive pings on an idle connection, ms."),
});

const serverTls = z
  .strictObject({
    cert: file.describe("PEM file of the server's certificate chain."),
    key: file.describe("PEM file of the server's key."),
    client_ca: file
      .optional()
      .describe("PEM file of the certificate authorities of clients. If set, clients must have a certificate."),
  })
  .optional();

/** A list of addresses. In the environment, commas separate them. */
const addresses = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map((part) => part.trim()) : value),
  z.array(address),
);

const sasl = z
  .strictObject({
    mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
    username: z.string().min(1),
    password: z.string().min(1),
  })
  .optional();

const kafka = z.strictObject({
  brokers: addresses.default([]).describe("Addresses of some brokers of the cluster, host:port."),
  client_id: z.string().min(1).default("protosaga").describe("The name of this client in the brokers' logs."),
  group_id: z
    .string()
    .min(1)
    .default("protosaga")
    .describe("The consumer group. All servers of a journal use the same one."),
  partitions: count(1, 10_000).default(12).describe("For topics that the server creates."),
  replication_factor: count(1, 100).default(1).describe("For topics that the server creates."),
  max_message_bytes: count(4_096, 2 ** 31 - 1)
    // Larger than the JSON of a gRPC message of the default maximum size (4 MiB).
    .default(8 * 1024 * 1024)
    .describe("For topics that the server creates. A larger message is sent without its payload: the journal has it."),
  session_timeout_ms: ms
    .default(30_000)
    .describe("After how long without a heartbeat the partitions of a server go to the others, ms."),
  sasl: sasl.describe("Credentials. Default: none."),
  tls: clientTls.prefault({}),
});

/** What delivers messages. */
const brokerSchema = z
  .strictObject({
    kind: z.enum(["embedded", "kafka"]).default("embedded"),
    kafka: kafka.prefault({}).describe("For kind kafka."),
  })
  .refine(({ kind, kafka: { brokers } }) => kind !== "kafka" || brokers.length > 0, {
    path: ["kafka", "brokers"],
    message: "set at least one broker, host:port, here or in KAFKA_BROKERS",
  })
  .prefault({});

/** Where sagas are recorded. */
const journalSchema = z
  .strictObject({
    kind: z.enum(["sqlite", "postgres"]).default("sqlite"),
    retention_ms: keepMs
      .default(7 * 24 * 3_600_000)
      .describe(
        "How long an ended saga is kept, ms, or `forever`. While it is kept, a repeated call returns its answer.",
      ),
    sqlite: z
      .strictObject({
        full_check: flag.default(false).describe("Whether to check the whole file for damage at each start."),
      })
      .prefault({})
      .describe("For kind sqlite."),
    postgres: z
      .strictObject({
        url: z.string().min(1).optional().describe("postgres://user:password@host:port/database"),
        schema: z
          .string()
          .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be lower-case letters, digits and _, at most 63 of them")
          .default("protosaga")
          .describe("The schema of the tables. The server creates it if it is missing."),
        lease_ms: ms
          .default(15_000)
          .describe("After how long without a heartbeat others take over a server's sagas, ms."),
        pool_size: count(2, 1_000).default(8).describe("The maximum number of connections."),
      })
      .prefault({})
      .describe("For kind postgres."),
  })
  .refine(({ kind, postgres: { url } }) => kind !== "postgres" || url !== undefined, {
    path: ["postgres", "url"],
    message: "set the URL of the database, postgres://…, here or in PG_URL",
  })
  .prefault({});

/** The server's configuration. The environment can set every key, see `environmentName`. */
export const configSchema = z.strictObject({
  listen: address.default("localhost:10000").describe("The address that the server listens on."),
  pod_id: z.string().min(1).default(hostname()).describe("The unique name of this process. POD_ID sets it, too."),
  data_dir: z.string().min(1).default("./data").describe("The folder of the embedded journal."),
  log_level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  shutdown_grace_ms: ms.default(10_000).describe("How long running sagas may take to finish after SIGTERM, ms."),
  tls: serverTls.describe("TLS for clients of the server. Default: plaintext."),
  journal: journalSchema.describe("Where sagas are recorded."),
  broker: brokerSchema.describe("What delivers messages."),
  topic_prefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,37}$/, "must be letters, digits, . _ and -, at most 37 of them")
    .default("")
    .describe("A prefix for the names of all topics."),
  topic_concurrency: count(1, 10_000)
    .default(64)
    .describe("The number of messages of each step's topic that this server handles at the same time."),
  topics: z.record(z.string(), topicSchema).default({}).describe("Settings by topic, without the prefix."),
  queue_limit: z
    .strictObject({
      async: count(1, 10_000_000).default(10_000).describe("Open sagas of an async facade, including waiting ones."),
      throttled: count(1, 10_000_000).default(1_000).describe("Open sagas of a throttled facade."),
      megabytes: count(1, 1_000_000).default(256).describe("The total size of the requests of all open sagas, MiB."),
    })
    .prefault({})
    .describe("A call over a limit is refused with RESOURCE_EXHAUSTED."),
  limits: z
    .strictObject({
      connections: count(1, 1_000_000)
        .default(1_000)
        .describe("Connections of clients. The server closes further ones."),
      streams: count(1, 1_000_000)
        .default(100)
        .describe("Open calls of one connection. A client waits with further ones until a call has ended."),
      event_loop_delay_ms: ms
        .default(1_000)
        .describe("Mean delay of the event loop, ms. While it is longer, calls of facades get RESOURCE_EXHAUSTED."),
      request_ms: ms.default(30_000).describe("How long a client may take to send a request, ms."),
      keepalive_ms: ms.default(300_000).describe("The interval of keepalive pings on a client's connection, ms."),
      idle_ms: ms.default(1_800_000).describe("How long a connection without calls stays open, ms."),
    })
    .prefault({})
    .describe("Limits for the connections and calls of clients."),
  completion_topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,200}$/, "must be letters, digits, . _ and -, at most 200 of them")
    .optional()
    .describe("The topic that receives one message per ended saga. Default: none."),
  upstreams: z.record(z.string(), upstreamSchema).default({}).describe("By full service name."),
});

/** The checked configuration with all defaults. */
export type Config = z.output<typeof configSchema>;

/** The configuration as users write it: keys with a default are optional. */
export type ConfigInput = z.input<typeof configSchema>;

/** How to reach one upstream service. */
export type UpstreamConfig = z.output<typeof upstreamSchema>;

/** The connection to Kafka. */
export type KafkaConfig = z.output<typeof kafka>;
