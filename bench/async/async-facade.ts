// What the two generated async facades have in common: all but the broker.
import { join } from "node:path";
import { openSqliteJournal, type ServerOptions, startServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { openCompletionFeed, watched } from "../support/completion-feed.js";
import { answerCommands } from "../support/worker.js";
import type { AsyncReady, AsyncSetup } from "./side.js";

/** Runs the generated facade as this process. */
export async function runAsyncFacade(
  { orderAddress, paymentAddress, data }: AsyncSetup,
  openBroker?: ServerOptions["openBroker"],
): Promise<void> {
  const feed = await openCompletionFeed();
  const server = await startServer({
    services: [bookingService],
    openJournal: () => watched(openSqliteJournal(join(data, "journal.db")), feed),
    ...(openBroker === undefined ? {} : { openBroker }),
    config: {
      listen: "localhost:0",
      data_dir: data,
      upstreams: {
        "pb.OrderService": { address: orderAddress },
        "pb.PaymentService": { address: paymentAddress },
      },
    },
  });
  answerCommands({ address: `localhost:${server.port}`, feed: feed.port } satisfies AsyncReady);
}
