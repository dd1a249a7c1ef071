import { lookup } from "node:dns/promises";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import { readPem } from "./open.js";

/** Takes the connections of clients. */
export interface Listener {
  readonly port: number;
  /** Takes no more calls, lets answers leave for this long, ms, and closes the remaining connections. */
  close(graceMs: number): Promise<void>;
}

/**
 * Fails if the address is taken. It runs before everything else, so that a second server started by mistake reports just
 * that.
 * @throws SagaError SAGA_LISTEN_FAILED
 */
export async function expectFree(listen: string): Promise<void> {
  const probes = await bind(listen, (socket) => socket.destroy());
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
}

/**
 * Begins to take calls. The connections are accepted here, since grpc-js has no limit on them, and handed to grpc-js as
 * they are: handlers see their peer and its certificate.
 * @throws SagaError SAGA_LISTEN_FAILED
 */
export async function listen(
  server: Server,
  { listen: address, tls, limits }: Pick<Config, "listen" | "tls" | "limits">,
): Promise<Listener> {
  const injector = server.createConnectionInjector(serverCredentials(tls));
  const connections = new Set<Socket>();
  const bound = await bind(address, (socket) => {
    if (connections.size >= limits.connections) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    injector.injectConnection(socket);
  });
  return {
    port: portOf(bound),
    close: (graceMs) =>
      new Promise((resolve) => {
        const cut = () => {
          for (const connection of connections) {
            connection.destroy();
          }
        };
        const timer = setTimeout(cut, graceMs);
        for (const one of bound) {
          one.close();
        }
        server.tryShutdown(() => {
          clearTimeout(timer);
          cut(); // What never came to speak HTTP/2.
          resolve();
        });
      }),
  };
}

/** Listens on every address that the host name has. @throws SagaError SAGA_LISTEN_FAILED */
async function bind(listen: string, accept: (socket: Socket) => void): Promise<NetServer[]> {
  const at = listen.lastIndexOf(":");
  const port = Number(listen.slice(at + 1));
  const host = listen.slice(0, at).replace(/^\[|\]$/g, "");
  const bound: NetServer[] = [];
  try {
    const addresses = new Set((await lookup(host, { all: true })).map(({ address }) => address));
    for (const address of addresses) {
      const server = createServer(accept);
      if (await listens(server, address, bound.length > 0 ? portOf(bound) : port)) {
        bound.push(server);
      }
    }
  } catch (error) {
    for (const server of bound) {
      server.close();
    }
    if (port === 0 && bound.length > 0) {
      // The port that was free on the first address is taken on another one.
      return bind(listen, accept);
    }
    throw listenFailed(listen, error);
  }
  if (bound.length === 0) {
    const fix = `set SAGA_LISTEN to one that is, such as 0.0.0.0:${port}`;
    throw listenFailed(listen, new Error(`${host} is no address of this machine; ${fix}`));
  }
  return bound;
}

/** @returns whether this machine has the address: a name may have one of a family that the machine lacks */
function listens(server: NetServer, host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Also once it listens: an accept that fails then concerns that one client.
    server.on("error", (error: NodeJS.ErrnoException) => {
      const absent = error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT";
      absent ? resolve(false) : reject(error);
    });
    server.listen({ host, port }, () => resolve(true));
  });
}

function portOf([server]: readonly NetServer[]): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function listenFailed(address: string, error: unknown): SagaError {
  const message = error instanceof Error ? error.message : String(error);
  const why = message.includes("EADDRINUSE")
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
