import { parseArgs } from "node:util";
import type { RunningServer } from "./serve.js";
import type { UpstreamOptions } from "./upstream.js";

/** What a main program runs. */
export interface MainOptions {
  /** "order service": begins each line that it prints. */
  readonly name: string;
  readonly address: string;
  start(options: UpstreamOptions): Promise<RunningServer>;
}

/**
 * Runs one upstream as this process: `[--address HOST:PORT] [--data DIR] [--exit-with-parent]`.
 * Prints one line when it accepts calls; SIGTERM or SIGINT stops it.
 */
export async function runMain({ name, address: defaultAddress, start }: MainOptions): Promise<void> {
  try {
    const { values } = parseArgs({
      options: {
        address: { type: "string", default: defaultAddress },
        data: { type: "string", default: "data" },
        "exit-with-parent": { type: "boolean", default: false },
      },
    });
    const { address, data } = values;
    const server = await start({ address, data });
    const stop = stopOnce(server);
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    if (values["exit-with-parent"]) onParentGone(stop);
    const host = address.slice(0, address.lastIndexOf(":"));
    process.stdout.write(`${name} ready on ${host}:${server.port}\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function stopOnce(server: RunningServer): () => void {
  let stopping = false;
  return () => {
    if (stopping) return;
    stopping = true;
    server.close().then(() => process.exit(0));
  };
}

/** A parent that is killed can't stop its children. They see that the channel, or stdin, closes. */
function onParentGone(stop: () => void): void {
  if (process.send === undefined) {
    process.stdin.on("close", stop).resume();
    return;
  }
  process.on("disconnect", stop);
  if (!process.connected) stop();
}
