import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Ports that nothing listens on, below those that the system gives to clients: a server that is away for a while finds
 * its port free again, and a client that knocks there meanwhile does not reach itself.
 */
export async function serverPorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) {
      ports.add(port);
    }
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
