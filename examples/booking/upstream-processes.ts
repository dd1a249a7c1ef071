import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type ConfigInput, SagaError } from "protosaga";

interface Upstream {
  readonly service: string;
  readonly main: string;
  /** The environment variable that sets its address. */
  readonly variable: string;
}

const upstreams: readonly Upstream[] = [
  {
    service: "pb.OrderService",
    main: "./upstream/order-main.js",
    variable: "SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS",
  },
  {
    service: "pb.PaymentService",
    main: "./upstream/payment-main.js",
    variable: "SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS",
  },
];

/** The order and payment services, each as a process. */
export interface UpstreamProcesses {
  /** Starts both at their configured addresses and waits until they take calls. */
  start(config: Pick<ConfigInput, "upstreams" | "data_dir">): Promise<void>;
  stop(): Promise<void>;
}

/** Makes the two processes, not yet started. */
export function createUpstreamProcesses(): UpstreamProcesses {
  const children: ChildProcess[] = [];
  return {
    async start({ upstreams: configured = {}, data_dir = "data" }) {
      const data = join(data_dir, "upstreams");
      await Promise.all(
        upstreams.map(async (upstream) => {
          const address = configured[upstream.service]?.address ?? "";
          const child = start(fileURLToPath(new URL(upstream.main, import.meta.url)), address, data);
          children.push(child);
          await ready(child, upstream, address);
        }),
      );
    },
    async stop() {
      await Promise.all(children.map(stop));
    },
  };
}

function start(main: string, address: string, data: string): ChildProcess {
  const args = [...process.execArgv, main, "--address", address, "--data", data, "--exit-with-parent"];
  return spawn(process.execPath, args, {
    // Its own process group: Ctrl-C then reaches only the server, which needs its upstreams while it drains. The
    // channel closes when this process ends, and the child then stops.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

async function ready(child: ChildProcess, upstream: Upstream, address: string): Promise<void> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) {
    throw new Error(`${upstream.service} has no output to wait for`);
  }
  let said = "";
  const listen = (text: string) => {
    said += text;
  };
  stderr.setEncoding("utf8").on("data", listen);
  const died = once(child, "close").then(() => {
    throw notStarted(upstream, address, said.trim());
  });
  await Promise.race([once(createInterface(stdout), "line"), died]);
  process.stderr.write(said);
  stderr.off("data", listen).pipe(process.stderr);
}

/** Reported in one line: if the example runs already, both services find their ports taken. */
function notStarted({ service, variable }: Upstream, address: string, said: string): Error {
  if (!said.includes("the port is taken")) {
    return new Error(`${service} did not start: ${said}`);
  }
  return new SagaError(
    "SAGA_LISTEN_FAILED",
    `the example's ${service} can't listen on ${address}: the port is taken; is the example running already? Stop it, set ${variable} to another address, or set BOOKING_UPSTREAMS=external to use the services that are there`,
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = once(child, "exit");
  if (child.connected) {
    child.disconnect();
  }
  await gone;
}
