import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { readSaga, type SeenSaga } from "../engine/support/journal-file.js";
import { type Answer, type BookingOptions, bookWith } from "../support/book.js";
import { freePort } from "../support/free-port.js";
import { type Ledgers, readLedgers } from "../support/ledger-reader.js";
import type { ProcessOptions, RunningProcess } from "../support/process.js";
import type { Scope } from "../support/scope.js";
import { until } from "../support/until.js";

/** A booking server with real upstreams in processes of their own, all on one data directory. */
export interface Place {
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  /** Starts the order and payment services. */
  startUpstreams(): Promise<RunningProcess[]>;
  /** Starts a server: the example's main program unless told otherwise. It uses the upstreams of `startUpstreams`. */
  startServer(file?: string, args?: readonly string[], more?: ProcessOptions): Promise<RunningProcess>;
  book(requestId: string, request?: BookingOptions): Promise<Answer>;
  ledgers(): Ledgers;
  /** What the journal says of a saga. */
  saga(id: string): SeenSaga | undefined;
  /** Waits until all of these sagas have ended. */
  settled(ids: readonly string[], what?: string): Promise<unknown>;
}

/** Makes a place with a data directory and ports of its own; everything ends with the test. @param more environment of the server */
export async function createPlace(scope: Scope, more: Readonly<Record<string, string>> = {}): Promise<Place> {
  const data = scope.tempDir();
  const [server, order, payment] = [await freePort(), await freePort(), await freePort()];
  const client = scope.use(new BookingServiceClient(`localhost:${server}`, credentials.createInsecure()));
  const env = {
    SAGA_DATA_DIR: data,
    // No more than these upstreams can answer within their timeouts of two seconds where a disk is slow.
    SAGA_TOPIC_CONCURRENCY: "8",
    ...more,
    SAGA_LISTEN: `localhost:${server}`,
    SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: `localhost:${order}`,
    SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS: `localhost:${payment}`,
  };
  const saga = (id: string) => readSaga(join(env.SAGA_DATA_DIR, "journal.db"), id);
  const upstreamData = join(data, "upstreams");
  return {
    data,
    env,
    async startUpstreams() {
      const start = (name: string, port: number) =>
        scope.start(`examples/booking/upstream/${name}-main.ts`, {
          args: ["--address", `localhost:${port}`, "--data", upstreamData],
        });
      const processes = [start("order", order), start("payment", payment)];
      await Promise.all(processes.map((process) => process.line("ready on")));
      return processes;
    },
    async startServer(file = "examples/booking/main.ts", args = [], more = {}) {
      const process = scope.start(file, { ...more, args, env: { ...env, BOOKING_UPSTREAMS: "external", ...more.env } });
      await process.line(`ready on localhost:${server}`);
      return process;
    },
    book: (requestId, options) => bookWith(client, requestId, options),
    saga,
    ledgers: () => readLedgers(upstreamData),
    settled: (ids, what = "all sagas to end") =>
      until(() => ids.every((id) => saga(id)?.phase !== "open"), {
        what,
        timeoutMs: 120_000,
      }),
  };
}
