import { createServer } from "node:net";

/** How many ports a process has. */
const each = 200;
const first = 15_000 + (process.pid % 85) * each;
let next = 0;

/**
 * Ports that nothing listens on, below those that the system gives to clients: a server that stops for a while finds
 * its port free again, and a client that connects meanwhile does not reach itself. A server may listen on them
 * later: a process returns none twice in a row, and test workers, whose process ids are near each other, have other
 * ones.
 */
export async function serverPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried > each) {
      throw new Error(`fewer than ${count} of ${each} ports are free from ${first} on`);
    }
    const port = first + (next++ % each);
    if (await isFree(port)) {
      ports.push(port);
    }
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
