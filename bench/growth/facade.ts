// The booking server on an empty or a grown journal.

import { pino } from "pino";
import { type ConfigInput, type Journal, startServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { checkConfig } from "../../runtime/config/load.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { openJournal } from "../../runtime/grpc/open.js";
import { overriding } from "../../test/support/overriding.js";
import { quantile } from "../support/statistics.js";
import { answerCommands } from "../support/worker.js";

/** Its first argument, as JSON. */
export interface GrowthSetup {
  readonly orderAddress: string;
  readonly paymentAddress: string;
  readonly data: string;
  readonly podId: string;
  readonly retentionMs: number | "forever";
  readonly postgres?: { readonly url: string; readonly schema: string };
}

/** What it reports when it is ready. */
export interface GrowthReady {
  readonly pid: number;
  readonly address: string;
  /** From the call of startServer to the open port. */
  readonly startMs: number;
  /** The part of it that opening the journal took. */
  readonly openMs: number;
}

/** What happened since the last question. */
export interface Stats {
  readonly removed: number;
  /** How long removals took, from the call until they were durable, ms. */
  readonly removalMs: number;
  /** How long entries took to be durable, ms. */
  readonly entryP50Ms: number;
  readonly entryP99Ms: number;
  readonly entryMaxMs: number;
}

const setup = JSON.parse(process.argv[2] ?? "{}") as GrowthSetup;
const { postgres } = setup;
let removed = 0;
let removalMs = 0;
let entriesMs: number[] = [];
let underWay: Promise<unknown> = Promise.resolve();
let opened: Journal | undefined;

async function timed<Result>(work: Promise<Result>): Promise<Result> {
  const began = performance.now();
  const result = await work;
  entriesMs.push(performance.now() - began);
  return result;
}

/** The journal, with measurements. */
function watched(journal: Journal): Journal {
  return overriding(journal, {
    create: (entry) => timed(journal.create(entry)),
    append: (entry) => timed(journal.append(entry)),
    async removeEnded(keepMs, limit) {
      const began = performance.now();
      const removing = journal.removeEnded(keepMs, limit);
      underWay = removing;
      const count = await removing;
      removalMs += performance.now() - began;
      removed += count;
      return count;
    },
  });
}

const input: ConfigInput = {
  listen: "localhost:0",
  data_dir: setup.data,
  pod_id: setup.podId,
  log_level: "warn",
  journal: {
    retention_ms: setup.retentionMs,
    ...(postgres === undefined ? {} : { kind: "postgres" as const, postgres }),
  },
  upstreams: {
    "pb.OrderService": { address: setup.orderAddress },
    "pb.PaymentService": { address: setup.paymentAddress },
  },
};
const config = checkConfig(input, { upstreams: [] });
let openMs = 0;
const began = performance.now();
const server = await startServer({
  services: [bookingService],
  config: input,
  async journal() {
    const opening = performance.now();
    const journal = await openJournal(config, pino({ level: "warn" }, pino.destination(2)), systemClock);
    openMs = performance.now() - opening;
    opened = journal;
    return watched(journal);
  },
});
const ready: GrowthReady = {
  pid: process.pid,
  address: `localhost:${server.port}`,
  startMs: performance.now() - began,
  openMs,
};

answerCommands(ready, {
  /** Waits for the batch in progress, because the process must be suspended between two batches. */
  quiet: async (): Promise<void> => {
    await underWay;
  },
  /** How many sagas are open. */
  open: async (): Promise<number> => (await opened?.list("open"))?.length ?? 0,
  stats(): Stats {
    const sorted = entriesMs.sort((a, b) => a - b);
    const stats = {
      removed,
      removalMs,
      entryP50Ms: quantile(sorted, 0.5),
      entryP99Ms: quantile(sorted, 0.99),
      entryMaxMs: sorted.at(-1) ?? 0,
    };
    removed = 0;
    removalMs = 0;
    entriesMs = [];
    return stats;
  },
});
