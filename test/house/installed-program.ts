// package.test.ts runs this in a project that has the packages installed: the booking example in one process, with the
// configuration in argv[2]. Prints the packages that are loaded, and the answer of one call or the error of the start.
import { createRequire } from "node:module";
import { credentials, Metadata } from "@grpc/grpc-js";
import { type ConfigInput, isSagaError, startServer } from "protosaga";
import { createWorld } from "protosaga/testing";
import { startOrderService } from "../../examples/booking/upstream/order-service.js";
import { startPaymentService } from "../../examples/booking/upstream/payment-service.js";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingServiceClient, type BookingSyncResponse } from "../../generated/pb/booking/booking.js";

const [, , given = "{}", data = "data"] = process.argv;

/** The packages of all CommonJS modules that are loaded; pg, kafkajs and ts-morph are such packages. */
function loadedPackages(): string[] {
  const modules = Object.keys(createRequire(import.meta.url).cache);
  return [...new Set(modules.map((path) => /.*node_modules\/((@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path))].sort();
}

async function answerOf(port: number): Promise<BookingSyncResponse> {
  const client = new BookingServiceClient(`localhost:${port}`, credentials.createInsecure());
  const request = { ProductID: 1n, Count: 2n, FaultInject: false };
  const metadata = new Metadata();
  metadata.set("x-request-id", "installed");
  try {
    return await new Promise((resolve, reject) => {
      client.handleSyncBooking(request, metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  } finally {
    client.close();
  }
}

async function run(): Promise<object> {
  const order = await startOrderService({ address: "localhost:0", data });
  const payment = await startPaymentService({ address: "localhost:0", data });
  try {
    const server = await startServer({
      services: [bookingService],
      config: {
        listen: "localhost:0",
        data_dir: data,
        log_level: "silent",
        upstreams: {
          "pb.OrderService": { address: `localhost:${order.port}` },
          "pb.PaymentService": { address: `localhost:${payment.port}` },
        },
        ...(JSON.parse(given) as ConfigInput),
      },
    });
    const { OrderID, PaymentID } = await answerOf(server.port);
    await server.close();
    return { answer: [String(OrderID), String(PaymentID)], world: typeof createWorld, loaded: loadedPackages() };
  } catch (error) {
    if (!isSagaError(error)) throw error;
    return { error: error.message, loaded: loadedPackages() };
  } finally {
    await Promise.all([order.close(), payment.close()]);
  }
}

process.stdout.write(JSON.stringify(await run()));
