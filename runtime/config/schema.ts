import { hostname } from "node:os";
import { z } from "zod";

const address = z
  .string()
  .refine(
    (text) =>
      /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/.test(text) && Number(text.slice(text.lastIndexOf(":") + 1)) < 65_536,
    "must be host:port",
  );
/** The environment has only texts; a file's value must be a number (zod's own coercion would take `true` for 1). */
const ms = z.preprocess(
  (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
  z
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
);
const flag = z.union([z.boolean(), z.stringbool()], "must be true or false");
const file = z.string().min(1);

const clientTls = z.strictObject({
  enabled: flag.default(false).describe("Whether to speak TLS; otherwise plaintext."),
  ca: file.optional().describe("PEM file of the authorities to trust. Default: the system's."),
  cert: file.optional().describe("PEM file of the client's certificate."),
  key: file.optional().describe("PEM file of the client's key."),
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
  upstreams: z.record(z.string(), upstreamSchema).default({}).describe("By full service name."),
});

/** The configuration, checked and complete. */
export type Config = z.output<typeof configSchema>;

/** The configuration as it may be written, with everything that has a default left out. */
export type ConfigInput = z.input<typeof configSchema>;

/** How to reach one upstream service. */
export type UpstreamConfig = z.output<typeof upstreamSchema>;
