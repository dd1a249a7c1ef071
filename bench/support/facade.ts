// The generated facades as a user gets them, with a feed of the sagas that have ended.
import { join } from "node:path";
import { type ConfigInput, openSqliteJournal, startServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { openCompletionFeed, watched } from "./completion-feed.js";
import { answerCommands, type Commands } from "./worker.js";

/** Where a facade finds what it needs. */
export interface FacadePlaces {
  readonly orderAddress: string;
  readonly paymentAddress: string;
  /** The folder of its journal. */
  readonly data: string;
}

/** What an async side's process reports when it is ready. */
export interface AsyncReady {
  readonly address: string;
  /** The port of its completion feed. */
  readonly feed?: number;
}

/** What differs from the defaults. */
export interface FacadeOptions {
  readonly config?: Omit<ConfigInput, "listen" | "data_dir" | "upstreams">;
  readonly commands?: Commands;
}

/** Runs the generated facades as this process. */
export async function runFacade(
  { orderAddress, paymentAddress, data }: FacadePlaces,
  { config, commands }: FacadeOptions = {},
): Promise<void> {
  const feed = await openCompletionFeed();
  const server = await startServer({
    services: [bookingService],
    journal: () => watched(openSqliteJournal(join(data, "journal.db")), feed),
    config: {
      ...config,
      listen: "localhost:0",
      data_dir: data,
      upstreams: {
        "pb.OrderService": { address: orderAddress },
        "pb.PaymentService": { address: paymentAddress },
      },
    },
  });
  answerCommands({ address: `localhost:${server.port}`, feed: feed.port } satisfies AsyncReady, commands);
}
