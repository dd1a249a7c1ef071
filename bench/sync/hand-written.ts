// What the two hand-written facades have in common: the clients, the server and the process around them.
import { Server, type ServiceError, type sendUnaryData, status } from "@grpc/grpc-js";
import {
  type BookingRequest,
  type BookingServiceServer,
  BookingServiceService,
  type BookingSyncResponse,
} from "../../generated/pb/booking/booking.js";
import { listen } from "../support/listen.js";
import { connectUpstreams, type Upstreams } from "../support/upstream-clients.js";
import { answerCommands } from "../support/worker.js";
import type { FacadeReady } from "./side.js";

/** One booking, written by hand. */
export type Book = (upstreams: Upstreams, requestId: string, request: BookingRequest) => Promise<BookingSyncResponse>;

/** Runs a hand-written facade as this process: `<order address> <payment address>`. */
export async function runHandWritten(book: Book): Promise<void> {
  const [orderAddress = "", paymentAddress = ""] = process.argv.slice(2);
  const upstreams = connectUpstreams(orderAddress, paymentAddress);
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
