import { hostname } from "node:os";
import { z } from "zod";
import { brokerSchema, journalSchema } from "./broker-schema.js";
import { address, clientTls, count, file, ms } from "./values.js";

/** What is set for one topic alone. */
export const topicSchema = z.strictObject({
  concurrency: count(1, 10_000).describe("How many of its messages this server handles at the same time."),
});

/** How to reach one upstream service. */
export const upstreamSchema = z.strictObject({
  address: address.describe("host:port"),
  tls: clientTls.prefault({}),
  keepalive_ms: ms.default(30_000).describe("How often an idle connection is probed, ms."),
});

const serverTls = z
  .strictObject({
    cert: file.describe("PEM file of the server's certificate chain."),
    key: file.describe("PEM file of the server's key."),
    client_ca: file
      .optional()
      .describe("PEM file of the authorities of clients. When set, clients must show a certificate."),
  })
  .optional();

/** The server's configuration. Every key may also come from the environment, see `environmentName`. */
export const configSchema = z.strictObject({
  listen: address.default("localhost:10000").describe("Where the server takes calls."),
  pod_id: z.string().min(1).default(hostname()).describe("Names this process among others. POD_ID sets it, too."),
  data_dir: z.string().min(1).default("./data").describe("The folder of the embedded journal."),
  log_level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  shutdown_grace_ms: ms.default(10_000).describe("How long running sagas may take to finish on SIGTERM, ms."),
  tls: serverTls.describe("The server's own TLS. Default: plaintext."),
  journal: journalSchema.describe("Where sagas are recorded."),
  broker: brokerSchema.describe("What carries topics."),
  topic_prefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,37}$/, "must be letters, digits, . _ and -, at most 37 of them")
    .default("")
    .describe("Stands before the name of every topic."),
  topic_concurrency: count(1, 10_000)
    .default(64)
    .describe("How many messages of each step's topic this server handles at the same time."),
  topics: z.record(z.string(), topicSchema).default({}).describe("By topic, without the prefix: what differs there."),
  queue_limit: z
    .strictObject({
      async: count(1, 10_000_000).default(10_000).describe("Open sagas of an async facade, waiting ones included."),
      throttled: count(1, 10_000_000).default(1_000).describe("Open sagas of a throttled facade."),
      megabytes: count(1, 1_000_000).default(256).describe("What the requests of all open sagas may take, 2^20 bytes."),
    })
    .prefault({})
    .describe("Past it a call is refused at once with RESOURCE_EXHAUSTED."),
  limits: z
    .strictObject({
      connections: count(1, 1_000_000)
        .default(1_000)
        .describe("Connections of clients; further ones are closed at once."),
      streams: count(1, 1_000_000)
        .default(100)
        .describe("Open calls of one connection. A client waits with further ones until a call has ended."),
      event_loop_delay_ms: ms
        .default(1_000)
        .describe("Mean delay of the event loop, ms. While it is longer, calls of facades get RESOURCE_EXHAUSTED."),
      request_ms: ms.default(30_000).describe("How long a client may take to send a request, ms."),
      keepalive_ms: ms.default(300_000).describe("How often a client's connection is probed, ms."),
      idle_ms: ms.default(1_800_000).describe("After how long without a call a connection is closed, ms."),
    })
    .prefault({})
    .describe("What clients may take of this server."),
  completion_topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,200}$/, "must be letters, digits, . _ and -, at most 200 of them")
    .optional()
    .describe("The topic that gets one message for each saga that has ended. Default: none."),
  upstreams: z.record(z.string(), upstreamSchema).default({}).describe("By full service name."),
});

/** The configuration, checked and complete. */
export type Config = z.output<typeof configSchema>;

/** The configuration as it may be written, with everything that has a default left out. */
export type ConfigInput = z.input<typeof configSchema>;

/** How to reach one upstream service. */
export type UpstreamConfig = z.output<typeof upstreamSchema>;
