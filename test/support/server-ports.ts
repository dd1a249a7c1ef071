import { createServer } from "node:net";

const first = 15_000;
const slices = 85;
const each = 200;
let next = 0;

/**
 * Ports that nothing listens on, below those that the system gives to clients: a server that is away for a while finds
 * its port free again, and a client that knocks there meanwhile does not reach itself. What listens on them may do so
 * later: a process gives none twice in a row, and test workers, whose process ids are near each other, have other ones.
 */
export async function serverPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried > each) {
      throw new Error(`fewer than ${count} of ${each} ports are free from ${first + (process.pid % slices) * each} on`);
    }
    const port = first + (process.pid % slices) * each + (next++ % each);
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
