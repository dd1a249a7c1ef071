import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import { readPem } from "./pem.js";

/**
 * Fails where the address is taken already. Looked at before anything else is touched, so that a second server by
 * mistake says just that.
 * @throws SagaError SAGA_LISTEN_FAILED
 */
export async function expectFree(listen: string): Promise<void> {
  const at = listen.lastIndexOf(":");
  const port = Number(listen.slice(at + 1));
  const host = listen.slice(0, at).replace(/^\[|\]$/g, "");
  if (port === 0) {
    return;
  }
  try {
    const addresses = await lookup(host, { all: true });
    const there = await Promise.all(addresses.map(({ address }) => tryListen(address, port)));
    if (!there.includes(true)) {
      throw new Error(`${host} is no address of this machine; set SAGA_LISTEN to one that is, such as 0.0.0.0:${port}`);
    }
  } catch (error) {
    throw listenFailed(listen, error);
  }
}

/** Begins to take calls. @returns the port @throws SagaError SAGA_LISTEN_FAILED */
export function listen(server: Server, { listen: address, tls }: Pick<Config, "listen" | "tls">): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, serverCredentials(tls), (error, port) => {
      if (error === null) {
        resolve(port);
      } else {
        reject(listenFailed(address, error));
      }
    });
  });
}

/** @returns whether this machine has the address */
function tryListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      // A name may resolve to an address of a family that this machine does not have.
      const absent = error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT";
      absent ? resolve(false) : reject(error);
    });
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
}

function listenFailed(address: string, error: unknown): SagaError {
  const message = error instanceof Error ? error.message : String(error);
  const taken = message.includes("EADDRINUSE") || message.includes("No address added");
  const why = taken
    ? "the port is taken; is another server running? Stop it, or set SAGA_LISTEN to another address"
    : message;
  return new SagaError("SAGA_LISTEN_FAILED", `can't listen on ${address}: ${why}`, { cause: error });
}

function serverCredentials(tls: Config["tls"]): ServerCredentials {
  if (tls === undefined) {
    return ServerCredentials.createInsecure();
  }
  const ca = tls.client_ca === undefined ? null : readPem(tls.client_ca, "tls.client_ca");
  const pair = { cert_chain: readPem(tls.cert, "tls.cert"), private_key: readPem(tls.key, "tls.key") };
  return ServerCredentials.createSsl(ca, [pair], ca !== null);
}
