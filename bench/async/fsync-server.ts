// The baseline of accepting: a unary call that is written to a file and synced before it is answered. With an option,
// it then makes the same upstream calls as our server, without a journal.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Server } from "@grpc/grpc-js";
import {
  BookingRequest,
  type BookingServiceServer,
  BookingServiceService,
} from "../../generated/pb/booking/booking.js";
import { openCompletionFeed } from "../support/completion-feed.js";
import type { AsyncReady } from "../support/facade.js";
import { listen } from "../support/listen.js";
import { connectUpstreams } from "../support/upstream-clients.js";
import { answerCommands } from "../support/worker.js";
import { readSetup } from "./side.js";

const { data, afterwards = false, orderAddress, paymentAddress } = readSetup();
const file = await open(join(data, "accepted"), "a");
const upstreams = connectUpstreams(orderAddress, paymentAddress);
const feed = await openCompletionFeed();

async function store(bytes: Uint8Array): Promise<void> {
  await file.appendFile(bytes);
  await file.datasync();
}

async function work(id: string, request: BookingRequest): Promise<void> {
  if (afterwards) {
    const { orderId } = await upstreams.createOrder(id, request);
    await upstreams.createPayment(id, request, orderId);
  }
  feed.ended(id, true);
}

const server = new Server();
const handlers: BookingServiceServer = {
  handleAsyncBooking({ metadata, request }, callback) {
    const RequestID = String(metadata.get("x-request-id")[0]);
    store(BookingRequest.encode(request).finish()).then(
      () => {
        callback(null, { RequestID });
        work(RequestID, request).catch(() => feed.ended(RequestID, false));
      },
      (error: unknown) => callback({ details: String(error) }),
    );
  },
  handleSyncBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
  handleThrottledBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
};
server.addService(BookingServiceService, handlers);
answerCommands({ address: await listen(server), feed: feed.port } satisfies AsyncReady);
