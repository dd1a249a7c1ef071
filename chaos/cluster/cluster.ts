import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { SagaServiceClient } from "../../runtime/pb/saga/v1/service.js";
import { compile } from "../../test/support/compiled/compile.js";
import { type Ledgers, readLedgers } from "../../test/support/ledger-reader.js";
import { serverPorts } from "../../test/support/server-ports.js";
import type { Counts } from "../counts.js";
import type { ChaosOptions } from "../options.js";
import type { Problems } from "../problems.js";
import { type Backends, startBackends } from "./backends.js";
import { createLinks, type Link } from "./links.js";
import { createMember, type Member } from "./member.js";

/** A pod and its clients. */
export interface Pod {
  readonly member: Member;
  readonly booking: BookingServiceClient;
  readonly sagas: SagaServiceClient;
}

/** All processes of a run, pods, upstreams, database and broker, and the links between them. */
export interface Cluster extends Pick<Backends, "database" | "broker"> {
  readonly pods: readonly Pod[];
  readonly upstreams: readonly Member[];
  readonly links: readonly Link[];
  ledgers(): Ledgers;
  /** Stops the upstreams' misbehaviour. */
  heal(): void;
  /** Waits until the backends serve again. From then on every start must succeed. */
  calm(): Promise<void>;
  /** Ends all processes. @param keep keep the database's data */
  close(keep: boolean): Promise<void>;
}

/** Where a cluster reports. */
export interface Reports {
  readonly counts: Counts;
  readonly problems: Problems;
}

const graceMs = 5_000;
/** Clients reconnect at once when a pod is back. */
const reconnectQuickly = {
  "grpc.initial_reconnect_backoff_ms": 20,
  "grpc.min_reconnect_backoff_ms": 20,
  "grpc.max_reconnect_backoff_ms": 200,
};

/** Compiles the programs and starts all processes, with their data in a folder. */
export async function startCluster(
  options: ChaosOptions,
  folder: string,
  { counts, problems }: Reports,
): Promise<Cluster> {
  const logs = join(folder, "logs");
  const ledgers = join(folder, "upstreams");
  for (const each of [logs, ledgers]) mkdirSync(each);
  const program = await compile(join(folder, "program"));
  const links = createLinks();
  const backends = await startBackends(options, folder, links);
  let backendsServe = false;
  const base = { counts, problems, graceMs };

  const services = ["order", "payment"] as const;
  const upstreamPorts = await serverPorts(services.length);
  const upstreams = services.map((service, n) => {
    const address = `localhost:${upstreamPorts[n]}`;
    return createMember({
      ...base,
      name: service,
      kind: service,
      file: join(program, "chaos/upstream/main.js"),
      args: ["--service", service, "--address", address, "--data", ledgers, "--seed", options.seed],
      ready: `ready on ${address}`,
      log: join(logs, `${service}.log`),
      mayRefuse: () => () => false,
    });
  });

  const mayRefuse = () => {
    const [database, broker] = [backends.database !== undefined, backends.broker !== undefined];
    const calm = backendsServe;
    return (why: string | undefined) =>
      !calm &&
      ((why === "SAGA_JOURNAL_UNAVAILABLE" && database) ||
        (why === "SAGA_BROKER_UNAVAILABLE" && broker) ||
        (why === undefined && (database || broker)));
  };
  const pods: Pod[] = [];
  for (const [n, port] of (await serverPorts(options.pods)).entries()) {
    const name = `pod-${n}`;
    const linkTo = async (service: string, target = 0) =>
      `127.0.0.1:${await links.open(`${name} → ${service}`, "upstream", target)}`;
    const front = `127.0.0.1:${await links.open(`clients → ${name}`, "clients", port)}`;
    const member = createMember({
      ...base,
      name,
      kind: "pod",
      file: join(program, "examples/booking/main.js"),
      spare: join(program, "chaos/cluster/spare-main.js"),
      env: {
        ...backends.envOf(n),
        POD_ID: name,
        OCH_PATH: folder,
        SAGA_LISTEN: `127.0.0.1:${port}`,
        SAGA_DATA_DIR: join(folder, name),
        SAGA_LOG_LEVEL: "warn",
        SAGA_SHUTDOWN_GRACE_MS: String(graceMs),
        SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: await linkTo("order", upstreamPorts[0]),
        SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS: await linkTo("payment", upstreamPorts[1]),
        SAGA_UPSTREAMS_PB_ORDERSERVICE_KEEPALIVE_MS: "1000",
        SAGA_UPSTREAMS_PB_PAYMENTSERVICE_KEEPALIVE_MS: "1000",
        BOOKING_UPSTREAMS: "external",
      },
      ready: `ready on 127.0.0.1:${port}`,
      log: join(logs, `${name}.log`),
      mayRefuse,
    });
    const insecure = credentials.createInsecure();
    pods.push({
      member,
      booking: new BookingServiceClient(front, insecure, reconnectQuickly),
      sagas: new SagaServiceClient(front, insecure, reconnectQuickly),
    });
  }
  const members = [...upstreams, ...pods.map(({ member }) => member)];
  await Promise.all(members.map((member) => member.start()));
  return {
    database: backends.database,
    broker: backends.broker,
    pods,
    upstreams,
    links: links.all,
    ledgers: () => readLedgers(ledgers),
    heal() {
      for (const upstream of upstreams) upstream.behave();
    },
    async calm() {
      await backends.ready();
      backendsServe = true;
    },
    async close(keep) {
      for (const { booking, sagas } of pods) for (const client of [booking, sagas]) client.close();
      await Promise.all(members.map((member) => member.end()));
      await links.close();
      await backends.close(keep);
    },
  };
}
