// The baseline of accepting: a unary call that is written to a file and synced before it is answered, nothing else.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Server } from "@grpc/grpc-js";
import {
  BookingRequest,
  type BookingServiceServer,
  BookingServiceService,
} from "../../generated/pb/booking/booking.js";
import type { AsyncReady } from "../support/facade.js";
import { listen } from "../support/listen.js";
import { answerCommands } from "../support/worker.js";
import { readSetup } from "./side.js";

const file = await open(join(readSetup().data, "accepted"), "a");

async function store(bytes: Uint8Array): Promise<void> {
  await file.appendFile(bytes);
  await file.datasync();
}

const server = new Server();
const handlers: BookingServiceServer = {
  handleAsyncBooking({ metadata, request }, callback) {
    const RequestID = String(metadata.get("x-request-id")[0]);
    store(BookingRequest.encode(request).finish()).then(
      () => callback(null, { RequestID }),
      (error: unknown) => callback({ details: String(error) }),
    );
  },
  handleSyncBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
  handleThrottledBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
};
server.addService(BookingServiceService, handlers);
answerCommands({ address: await listen(server) } satisfies AsyncReady);
