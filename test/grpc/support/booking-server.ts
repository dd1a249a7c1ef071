import { join } from "node:path";
import { credentials, type MetadataValue, type ServiceError } from "@grpc/grpc-js";
import { bookingService } from "../../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest, BookingServiceClient } from "../../../generated/pb/booking/booking.js";
import { systemClock } from "../../../runtime/engine/ports.js";
import { type SagaServer, type ServerOptions, startServer } from "../../../runtime/grpc/server.js";
import { ErrorInfo } from "../../../runtime/pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../../../runtime/pb/google/rpc/status.js";
import { callUnary } from "../../support/call-unary.js";
import {
  type FaultyUpstream,
  startFaultyOrderService,
  startFaultyPaymentService,
} from "../../support/faulty-upstream.js";
import { type Ledgers, readLedgers } from "../../support/ledger-reader.js";
import type { Scope } from "../../support/scope.js";

/** A booking server in this process, on real sockets, with upstreams that fail as planned. */
export interface BookingServer extends SagaServer {
  readonly address: string;
  readonly dataDir: string;
  readonly journalFile: string;
  readonly orders: FaultyUpstream;
  readonly payments: FaultyUpstream;
  readonly client: BookingServiceClient;
  ledgers(): Ledgers;
}

/** Starts the server; everything ends with the test. */
export async function startBookingServer(scope: Scope, options: Partial<ServerOptions> = {}): Promise<BookingServer> {
  const data = options.config?.data_dir ?? scope.tempDir();
  // Upstreams live as long as the test does, and a sync to the disk for each effect would take most of its time.
  const ledgers = scope.memoryDir();
  const at = { address: "localhost:0", data: ledgers };
  const orders = scope.use(await startFaultyOrderService(at));
  const payments = scope.use(await startFaultyPaymentService(at));
  const server = await startServer({
    services: [bookingService],
    // Waits between attempts take no time.
    clock: { ...systemClock, random: () => 0 },
    ...options,
    config: {
      listen: "localhost:0",
      data_dir: data,
      log_level: "silent",
      shutdown_grace_ms: 10_000,
      // A slow machine is no overload here.
      limits: { event_loop_delay_ms: 60_000 },
      upstreams: {
        "pb.OrderService": { address: `localhost:${orders.port}` },
        "pb.PaymentService": { address: `localhost:${payments.port}` },
      },
      ...options.config,
    },
  });
  let closing: Promise<number> | undefined;
  const close = () => {
    closing ??= server.close();
    return closing;
  };
  scope.defer(close);
  const address = `localhost:${server.port}`;
  const client = scope.use(new BookingServiceClient(address, credentials.createInsecure()));
  const journalFile = join(data, "journal.db");
  return {
    ...server,
    close,
    address,
    dataDir: data,
    journalFile,
    orders,
    payments,
    client,
    ledgers: () => readLedgers(ledgers),
  };
}

/** How a call ended, with its details decoded. */
export interface Ended {
  readonly code: number;
  readonly message: string;
  readonly info?: ErrorInfo | undefined;
  /** The response, if there is one. */
  readonly response?: unknown;
}

/** A call's metadata by key. */
export type Sent = Readonly<Record<string, string>>;

/** Books. A failure is an outcome, too. */
export function book(
  client: BookingServiceClient,
  metadata: Sent,
  request: Partial<BookingRequest> = {},
  deadline = Date.now() + 20_000,
): Promise<Ended> {
  const whole = BookingRequest.fromPartial({ ProductID: 1n, Count: 1n, ...request });
  return ended(callUnary(client, client.handleSyncBooking, whole, metadata, { deadline }));
}

/** How a call ended. */
export async function ended(call: Promise<unknown>): Promise<Ended> {
  try {
    return { code: 0, message: "", response: await call };
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    return { code, message: details, info: infoOf(metadata.get("grpc-status-details-bin")[0]) };
  }
}

function infoOf(details: MetadataValue | undefined): ErrorInfo | undefined {
  const [any] = Buffer.isBuffer(details) ? RpcStatus.decode(details).details : [];
  return any === undefined ? undefined : ErrorInfo.decode(any.value);
}
