import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ConfigInput } from "protosaga";

interface Upstream {
  readonly service: string;
  readonly main: string;
}

const upstreams: readonly Upstream[] = [
  { service: "pb.OrderService", main: "./upstream/order-main.ts" },
  { service: "pb.PaymentService", main: "./upstream/payment-main.ts" },
];

/** The order and payment services as processes of their own. */
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
        upstreams.map(async ({ service, main }) => {
          const address = configured[service]?.address ?? "";
          const child = start(fileURLToPath(new URL(main, import.meta.url)), address, data);
          children.push(child);
          await ready(child, service);
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
    // A group of its own: Ctrl-C reaches the server alone, which still needs its upstreams while it drains. The
    // channel closes with this process, however it ends, and the child stops at that.
    detached: true,
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
}

async function ready(child: ChildProcess, service: string): Promise<void> {
  const died = once(child, "exit").then(() => {
    throw new Error(`${service} did not start`);
  });
  if (child.stdout === null) {
    throw new Error(`${service} has no output to wait for`);
  }
  await Promise.race([once(createInterface(child.stdout), "line"), died]);
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
