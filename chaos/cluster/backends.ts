import { join } from "node:path";
import { brokersReady } from "../../test/support/kafka/adapter.js";
import { createKafkaServer, type KafkaServer } from "../../test/support/kafka/server.js";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.js";
import { serverPorts } from "../../test/support/server-ports.js";
import type { ChaosOptions } from "../options.js";
import type { Links } from "./links.js";

/** `lease_ms` of the pods: after this time without a heartbeat, others take over a pod's sagas. */
export const leaseMs = 2_000;

/** The database and the broker of a run, if it has them, and the pods' settings for them. */
export interface Backends {
  readonly database: PostgresServer | undefined;
  readonly broker: KafkaServer | undefined;
  /** The environment variables of a pod, by its number. */
  readonly envOf: (pod: number) => Readonly<Record<string, string>>;
  /** Waits until the broker serves requests; after a start it accepts connections earlier. */
  ready(): Promise<void>;
  /** Ends both. @param keep keep the database's data */
  close(keep: boolean): Promise<void>;
}

/** Starts the backends that the options name. Each pod has separate links to them. */
export async function startBackends(options: ChaosOptions, folder: string, links: Links): Promise<Backends> {
  const pods = Array.from({ length: options.pods }, (_, pod) => pod);
  const env: Record<string, string>[] = pods.map(() => ({}));
  const set = (pod: number, more: Readonly<Record<string, string>>) => Object.assign(env[pod] ?? {}, more);

  const database = options.journal === "postgres" ? await startPostgres() : undefined;
  if (database !== undefined) {
    for (const pod of pods) {
      const port = await links.open(`pod-${pod} → database`, "database", database.port);
      set(pod, {
        SAGA_JOURNAL_KIND: "postgres",
        SAGA_JOURNAL_POSTGRES_URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
        SAGA_JOURNAL_POSTGRES_LEASE_MS: String(leaseMs),
      });
    }
  }
  let broker: KafkaServer | undefined;
  if (options.broker === "kafka") {
    const behind: { readonly port: number; readonly advertised: number }[] = [];
    for (const [pod, port] of (await serverPorts(options.pods)).entries()) {
      const advertised = await links.open(`pod-${pod} → broker`, "broker", port);
      behind.push({ port, advertised });
      set(pod, {
        SAGA_BROKER_KIND: "kafka",
        SAGA_BROKER_KAFKA_BROKERS: `localhost:${advertised}`,
        SAGA_BROKER_KAFKA_SESSION_TIMEOUT_MS: "6000",
        SAGA_BROKER_KAFKA_PARTITIONS: "4",
      });
    }
    broker = await createKafkaServer({ version: "3.9.1", directory: join(folder, "kafka"), behind });
    await broker.start();
    await brokersReady([broker.address]);
  }
  return {
    database,
    broker,
    envOf: (pod) => env[pod] ?? {},
    async ready() {
      if (broker !== undefined) await brokersReady([broker.address]);
    },
    async close(keep) {
      await broker?.kill9();
      await (keep ? database?.stop() : database?.close());
    },
  };
}
