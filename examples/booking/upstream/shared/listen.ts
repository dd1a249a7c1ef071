import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Binds a gRPC server to an address and returns its port. */
export async function listen(server: Server, address: string): Promise<number> {
  await refuseTakenPort(address);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(new Error(`cannot listen on ${address}: ${error.message}`));
      else resolve(port);
    });
  });
}

/**
 * Fails if any address of the host name is in use. grpc-js accepts one free address: with 127.0.0.1 taken it would
 * listen on ::1 only, and clients of `localhost` would reach one server or the other.
 */
async function refuseTakenPort(address: string): Promise<void> {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (port === 0) return;
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  for (const { address: ip } of await lookup(host, { all: true })) {
    if (await isTaken(ip, port)) {
      throw new Error(`cannot listen on ${address}: the port is taken; stop what uses it or choose another --address`);
    }
  }
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
