import { join } from "node:path";
import { brokersReady } from "../../test/support/kafka/adapter.js";
import { createKafkaServer, type KafkaServer } from "../../test/support/kafka/server.js";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.js";
import { serverPorts } from "../../test/support/server-ports.js";
import type { ChaosOptions } from "../options.js";
import type { Links } from "./links.js";

/** After how long a silent pod's sagas are taken over, ms. */
export const leaseMs = 2_000;

/** The database and the broker of a run, where it has them, and what pods are told of them. */
export interface Backends {
  readonly database: PostgresServer | undefined;
  readonly broker: KafkaServer | undefined;
  /** The environment of the pod of a number, apart from that of its other ones. */
  readonly envOf: (pod: number) => Readonly<Record<string, string>>;
  /** Waits until the broker serves: one that has just been started takes connections before. */
  ready(): Promise<void>;
  /** Ends both. The database's data goes with it unless it is to stay. */
  close(keep: boolean): Promise<void>;
}

/** Starts what the options ask for, each pod with ways of its own there. */
export async function startBackends(options: ChaosOptions, folder: string, links: Links): Promise<Backends> {
  const pods = Array.from({ length: options.pods }, (_, pod) => pod);
  const env: Record<string, string>[] = pods.map(() => ({}));
  const tell = (pod: number, more: Readonly<Record<string, string>>) => Object.assign(env[pod] ?? {}, more);

  const database = options.journal === "postgres" ? await startPostgres() : undefined;
  if (database !== undefined) {
    for (const pod of pods) {
      const port = await links.open(`pod-${pod} → database`, "database", database.port);
      tell(pod, {
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
      tell(pod, {
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
