import { z } from "zod";
import { address, clientTls, count, flag, keepMs, ms } from "./values.js";

/** A list of addresses; the environment separates them by commas. */
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
  brokers: addresses.default([]).describe("Where to find the cluster: host:port of some of its brokers."),
  client_id: z.string().min(1).default("protosaga").describe("Names this program in the brokers' logs."),
  group_id: z.string().min(1).default("protosaga").describe("The consumer group: one for all servers of a journal."),
  partitions: count(1, 10_000).default(12).describe("Of a topic that is missing and so is made."),
  replication_factor: count(1, 100).default(1).describe("Of a topic that is missing and so is made."),
  max_message_bytes: count(4_096, 2 ** 31 - 1)
    // Larger than what a gRPC message may be by default (4 MiB), written as JSON.
    .default(8 * 1024 * 1024)
    .describe("Of a topic that is made. A message that would be larger goes without its payload: the journal has it."),
  session_timeout_ms: ms.default(30_000).describe("After how long a silent server's share goes to the others, ms."),
  sasl: sasl.describe("How to log in. Default: not at all."),
  tls: clientTls.prefault({}),
});

/** What carries topics. */
export const brokerSchema = z
  .strictObject({
    kind: z.enum(["embedded", "kafka"]).default("embedded"),
    kafka: kafka.prefault({}).describe("For kind kafka."),
  })
  .refine(({ kind, kafka: { brokers } }) => kind !== "kafka" || brokers.length > 0, {
    path: ["kafka", "brokers"],
    message: "name at least one broker, host:port, here or in KAFKA_BROKERS",
  })
  .prefault({});

/** The connection to Kafka. */
export type KafkaConfig = z.output<typeof kafka>;

/** Where sagas are recorded. */
export const journalSchema = z
  .strictObject({
    kind: z.enum(["sqlite", "postgres"]).default("sqlite"),
    retention_ms: keepMs
      .default(7 * 24 * 3_600_000)
      .describe("How long a saga is kept after its end, ms, or `forever`; until then a repeated call gets its answer."),
    sqlite: z
      .strictObject({
        full_check: flag.default(false).describe("Whether all of the file is looked through for damage at each start."),
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
          .describe("The schema of the tables; made where there is none."),
        lease_ms: ms.default(15_000).describe("After how long a silent server's sagas are taken over by others, ms."),
        pool_size: count(2, 1_000).default(8).describe("Connections, at most."),
      })
      .prefault({})
      .describe("For kind postgres."),
  })
  .refine(({ kind, postgres: { url } }) => kind !== "postgres" || url !== undefined, {
    path: ["postgres", "url"],
    message: "name the database, postgres://…, here or in PG_URL",
  })
  .prefault({});
