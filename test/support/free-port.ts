import { serverPorts } from "./server-ports.js";

/** A port that nothing listens on at this moment, and that no client gets by chance before a server listens. */
export async function freePort(): Promise<number> {
  const [port = 0] = await serverPorts(1);
  return port;
}

/** An address on a free port of this machine. */
export async function freeAddress(): Promise<string> {
  return `localhost:${await freePort()}`;
}
