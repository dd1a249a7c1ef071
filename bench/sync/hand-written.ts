// What the two hand-written facades have in common: the clients, the server and the process around them.
import {
  type CallOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  Server,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import {
  type BookingRequest,
  type BookingServiceServer,
  BookingServiceService,
  type BookingSyncResponse,
} from "../../generated/pb/booking/booking.js";
import { OrderServiceClient } from "../../generated/pb/booking/order.js";
import { PaymentServiceClient } from "../../generated/pb/booking/payment.js";
import { listen } from "../support/listen.js";
import { answerCommands } from "../support/worker.js";
import type { FacadeReady } from "./side.js";

/** The upstream calls as promises. */
export interface Upstreams {
  createOrder(requestId: string, request: BookingRequest): Promise<{ orderId: bigint }>;
  cancelOrder(requestId: string, orderId: bigint): Promise<unknown>;
  createPayment(requestId: string, request: BookingRequest, orderId: bigint): Promise<{ paymentId: bigint }>;
}

/** One booking, written by hand. */
export type Book = (upstreams: Upstreams, requestId: string, request: BookingRequest) => Promise<BookingSyncResponse>;

/** Runs a hand-written facade as this process: `<order address> <payment address>`. */
export async function runHandWritten(book: Book): Promise<void> {
  const [orderAddress = "", paymentAddress = ""] = process.argv.slice(2);
  const upstreams = connect(orderAddress, paymentAddress);
  const server = new Server();
  const handlers: BookingServiceServer = {
    handleSyncBooking(call, callback) {
      const requestId = call.metadata.get("x-request-id")[0]?.toString();
      if (requestId === undefined) {
        callback({ code: status.INVALID_ARGUMENT, details: "missing x-request-id" });
        return;
      }
      book(upstreams, requestId, call.request).then(
        (response) => callback(null, response),
        (error: ServiceError) => callback({ code: error.code, details: error.details }),
      );
    },
    handleAsyncBooking: refuse,
    handleThrottledBooking: refuse,
  };
  server.addService(BookingServiceService, handlers);
  const ready: FacadeReady = { address: await listen(server) };
  answerCommands(ready);
}

function refuse<Response>(_call: unknown, callback: sendUnaryData<Response>): void {
  callback({ code: status.UNIMPLEMENTED, details: "the bench is of the sync facade" });
}

function connect(orderAddress: string, paymentAddress: string): Upstreams {
  const orders = new OrderServiceClient(orderAddress, credentials.createInsecure());
  const payments = new PaymentServiceClient(paymentAddress, credentials.createInsecure());
  return {
    createOrder: (requestId, { ProductID, Count }) =>
      promised(
        (metadata, options, done) =>
          orders.createOrder({ requestId, productId: ProductID, count: Count }, metadata, options, done),
        requestId,
        "createOrder",
      ),
    cancelOrder: (requestId, orderId) =>
      promised(
        (metadata, options, done) => orders.cancelOrder({ requestId, orderId }, metadata, options, done),
        requestId,
        "createOrder/compensate",
      ),
    createPayment: (requestId, { Count, FaultInject }, orderId) =>
      promised(
        (metadata, options, done) =>
          payments.createPayment(
            { requestId, orderId, amount: Count, faultInject: FaultInject },
            metadata,
            options,
            done,
          ),
        requestId,
        "createPayment",
      ),
  };
}

/** Both kinds of facade send the same: the request id, the idempotency key and a deadline of two seconds. */
function promised<Response>(
  call: (
    metadata: Metadata,
    options: Partial<CallOptions>,
    done: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
  requestId: string,
  step: string,
): Promise<Response> {
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  metadata.set("idempotency-key", `${requestId}/${step}`);
  return new Promise((resolve, reject) => {
    call(metadata, { deadline: Date.now() + 2000 }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
