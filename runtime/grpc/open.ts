import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Broker, BrokerObserver } from "../broker/broker.js";
import { createEmbeddedBroker } from "../broker/embedded.js";
import type { KafkaBrokerOptions, KafkaTls } from "../broker/kafka/options.js";
import type { Config, KafkaConfig } from "../config/schema.js";
import { isSagaError, SagaError } from "../core/errors.js";
import type { Clock, Log } from "../engine/ports.js";
import type { Journal, SagasInFlight } from "../journal/journal.js";
import type { PostgresOptions } from "../journal/postgres/journal.js";
import { openSqliteJournal } from "../journal/sqlite/journal.js";
import { inspectSqliteJournal } from "../journal/sqlite/open.js";

/** The configured journal. @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID */
export async function openJournal({ journal, data_dir, pod_id }: Config, log: Log, clock: Clock): Promise<Journal> {
  if (journal.kind === "sqlite") {
    const { full_check: fullCheck } = journal.sqlite;
    return openSqliteJournal(journalFile(data_dir), { now: clock.now, fullCheck });
  }
  const { schema, pool_size: poolSize, lease_ms: leaseMs } = journal.postgres;
  const postgres = await loadPostgres("journal.kind: postgres");
  return postgres.openPostgresJournal({
    url: urlOf(journal),
    podId: pod_id,
    schema,
    poolSize,
    leaseMs,
    onError: (err) => log.warn({ err }, "transient journal database error, retrying"),
  });
}

/**
 * Opens a journal on PostgreSQL. The package `pg` is loaded at the first call.
 * @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID
 */
export async function openPostgresJournal(options: PostgresOptions): Promise<Journal> {
  const postgres = await loadPostgres("openPostgresJournal");
  return postgres.openPostgresJournal(options);
}

function loadPostgres(setting: string) {
  return loadAdapter("pg", setting, () => import("../journal/postgres/journal.js"));
}

function journalFile(dataDir: string): string {
  return join(dataDir, "journal.db");
}

function urlOf({ postgres: { url } }: Config["journal"]): string {
  if (url === undefined) {
    throw new SagaError("SAGA_CONFIG_INVALID", "journal.postgres.url: name the database");
  }
  return url;
}

/** What a look at the configured journal found. */
export interface JournalLook {
  /** The file, or host, database and schema: for people. */
  readonly place: string;
  /** Undefined where there is no journal yet. */
  readonly inFlight: readonly SagasInFlight[] | undefined;
}

/**
 * Looks at the configured journal without taking part in it: a server may run on it meanwhile.
 * @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID
 */
export async function inspectJournal({
  journal,
  data_dir,
}: Pick<Config, "journal" | "data_dir">): Promise<JournalLook> {
  if (journal.kind === "sqlite") {
    const place = journalFile(data_dir);
    return { place, inFlight: inspectSqliteJournal(place) };
  }
  const { schema } = journal.postgres;
  const load = () => import("../journal/postgres/journal.js");
  const { inspectPostgresJournal } = await loadAdapter("pg", "journal.kind: postgres", load);
  return inspectPostgresJournal(urlOf(journal), schema);
}

/** What a broker is opened with. */
export interface BrokerParts {
  readonly config: Config;
  readonly journal: Journal;
  readonly log: Log;
  /** The program's own observer. The log reports the same. */
  readonly observer: Partial<BrokerObserver>;
  /** Topics that this server publishes to and does not subscribe to. */
  readonly extraTopics: readonly string[];
}

/**
 * Opens the configured broker.
 * @throws SagaError SAGA_CONFIG_INVALID if a PEM file can't be read, or kafkajs is not installed
 */
export async function openBroker({ config, journal, log, observer, extraTopics }: BrokerParts): Promise<Broker> {
  const logged = logTo(log, observer);
  const { kind, kafka } = config.broker;
  if (kind === "embedded") {
    return createEmbeddedBroker(journal.messages, logged);
  }
  const load = () => import("../broker/kafka/broker.js");
  const { createKafkaBroker } = await loadAdapter("kafkajs", "broker.kind: kafka", load);
  const tls = tlsOf(kafka);
  const options: KafkaBrokerOptions = {
    brokers: kafka.brokers,
    clientId: `${kafka.client_id}-${config.pod_id}`,
    groupId: config.topic_prefix + kafka.group_id,
    partitions: kafka.partitions,
    replicationFactor: kafka.replication_factor,
    maxMessageBytes: kafka.max_message_bytes,
    sessionTimeoutMs: kafka.session_timeout_ms,
    extraTopics,
    // kafkajs logs errors that it recovers from, too. Those that it does not recover from reach the observer.
    log: (message, details) => log.debug(details, `kafka: ${message}`),
    ...(kafka.sasl === undefined ? {} : { sasl: kafka.sasl }),
    ...(tls === undefined ? {} : { tls }),
  };
  return createKafkaBroker(options, logged);
}

/** Logs what the observer receives, and keeps its exceptions from the broker. */
function logTo(log: Log, observer: Partial<BrokerObserver>): BrokerObserver {
  function report(call: () => void): void {
    try {
      call();
    } catch (err) {
      log.error({ err }, "broker observer threw an error");
    }
  }
  return {
    failed(err, topic) {
      // A poison message is logged when it is dead-lettered.
      if (!isSagaError(err) || err.code !== "SAGA_MESSAGE_POISON") {
        const delivery = "message delivery or publication failed, retrying";
        log.error({ topic, err }, topic === undefined ? "broker unavailable, retrying" : delivery);
      }
      report(() => observer.failed?.(err, topic));
    },
    lag: (topic, partition, messages) => report(() => observer.lag?.(topic, partition, messages)),
    deadLettered(topic, reason) {
      log.error({ topic, reason }, "message dead-lettered");
      report(() => observer.deadLettered?.(topic, reason));
    },
  };
}

function tlsOf({ tls }: KafkaConfig): KafkaTls | undefined {
  if (!tls.enabled) {
    return undefined;
  }
  const read = (key: "ca" | "cert" | "key") => {
    const path = tls[key];
    return path === undefined ? {} : { [key]: readPem(path, `broker.kafka.tls.${key}`) };
  };
  return { ...read("ca"), ...read("cert"), ...read("key") };
}

/** The optional peer dependencies of the package, each with the major version that the runtime works with. */
const majors = { pg: 8, kafkajs: 2 } as const;

/**
 * Loads an adapter that needs an optional peer dependency. Servers that don't configure the adapter load neither.
 * @param setting what needs the package: the setting or the function that the user wrote
 * @throws SagaError SAGA_CONFIG_INVALID if the package isn't installed
 */
async function loadAdapter<Adapter>(
  name: keyof typeof majors,
  setting: string,
  load: () => Promise<Adapter>,
): Promise<Adapter> {
  try {
    import.meta.resolve(name);
  } catch (cause) {
    const install = `npm i ${name}@${majors[name]}`;
    throw new SagaError("SAGA_CONFIG_INVALID", `${setting} needs the npm package ${name}; install it: ${install}`, {
      cause,
    });
  }
  return load();
}

/** A PEM file's bytes. @param key the configuration's key that names it @throws SagaError SAGA_CONFIG_INVALID */
export function readPem(path: string, key: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (!bytes.includes("-----BEGIN ")) {
      throw new Error("it is not a PEM file");
    }
    return bytes;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `${key}: ${path} can't be used: ${why}`, { cause: error });
  }
}
