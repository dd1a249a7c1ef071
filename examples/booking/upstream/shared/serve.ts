import { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { listen } from "./listen.js";
import type { Upstream } from "./upstream.js";

/** A gRPC server that accepts calls. */
export interface RunningServer {
  readonly port: number;
  /** Lets running calls finish, as long as the grace allows, and closes the ledger. */
  close(): Promise<void>;
}

/** How a server is run. */
export interface ServeOptions {
  /** How long running calls may take to finish when the server closes. */
  readonly graceMs?: number;
}

/** Serves an upstream, with reflection so that grpcurl needs no proto files. */
export async function serve(
  address: string,
  upstream: Upstream,
  { graceMs = 5000 }: ServeOptions = {},
): Promise<RunningServer> {
  const server = new Server();
  server.addService(upstream.definition, upstream.handlers);
  new ReflectionService(upstream.proto, { services: [upstream.name] }).addToServer(server);
  try {
    const port = await listen(server, address);
    return { port, close: () => close(server, upstream, graceMs) };
  } catch (error) {
    upstream.close();
    throw error;
  }
}

async function close(server: Server, upstream: Upstream, graceMs: number): Promise<void> {
  const force = setTimeout(() => server.forceShutdown(), graceMs);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  clearTimeout(force);
  upstream.close();
}
