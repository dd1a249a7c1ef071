// Sagas on a gRPC server that the program makes itself, next to other services.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createSagas, type SagasOptions } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";

/** A running server. */
export interface PlainServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a grpc-js server with the booking service. */
export async function startPlainServer(
  options: Omit<SagasOptions, "services">,
  credentials = ServerCredentials.createInsecure(),
): Promise<PlainServer> {
  const sagas = createSagas({ ...options, services: [bookingService] });
  const server = new Server({ "grpc.max_concurrent_streams": 100 });
  // server.addService(…): the program's other services.
  sagas.addTo(server, { health: true, reflection: true });
  await sagas.start();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("localhost:0", credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    port,
    async close() {
      await sagas.drain();
      await sagas.stop();
      await new Promise((resolve) => server.tryShutdown(resolve));
    },
  };
}
