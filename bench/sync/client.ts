// One of the two client processes: keeps a number of calls under way against one facade (a closed loop).
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { answerCommands } from "../support/worker.js";

/** What a client is told to do. */
export interface Run {
  readonly address: string;
  readonly concurrency: number;
  /** The calls start spread over this time: all at once, the processes would run in lockstep. */
  readonly rampMs: number;
}

/** What was measured since the mark before. */
export interface Measured {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** What a whole run came to, ramp and end included. */
export interface Total {
  readonly succeeded: number;
  /** Failed calls by status. */
  readonly errors: Readonly<Record<string, number>>;
}

const clients = new Map<string, BookingServiceClient>();
let running = false;
let workers: Promise<unknown> = Promise.resolve();
let markedAt = 0;
let latenciesMs: number[] = [];
let succeeded = 0;
let errors: Record<string, number> = {};
let lastRequest = 0;

function clientOf(address: string): BookingServiceClient {
  const client = clients.get(address) ?? new BookingServiceClient(address, credentials.createInsecure());
  clients.set(address, client);
  return client;
}

function callOnce(client: BookingServiceClient): Promise<void> {
  const metadata = new Metadata();
  metadata.set("x-request-id", `bench-${process.pid}-${++lastRequest}`);
  const request = { ProductID: 1n, Count: 1n, FaultInject: false };
  const startedAt = performance.now();
  return new Promise((resolve) => {
    client.handleSyncBooking(request, metadata, { deadline: Date.now() + 10_000 }, (error, response) => {
      if (error) countError(error);
      else if (response.OrderID === 0n || response.PaymentID === 0n) countError(undefined);
      else {
        succeeded++;
        latenciesMs.push(performance.now() - startedAt);
      }
      resolve();
    });
  });
}

function countError(error: ServiceError | undefined): void {
  const name = error === undefined ? "empty answer" : `${status[error.code]}: ${error.details}`;
  errors[name] = (errors[name] ?? 0) + 1;
}

async function work(client: BookingServiceClient, delayMs: number): Promise<void> {
  await sleep(delayMs);
  while (running) await callOnce(client);
}

answerCommands(undefined, {
  connect: (address: string) =>
    new Promise<void>((resolve, reject) => {
      clientOf(address).waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
    }),
  run({ address, concurrency, rampMs }: Run) {
    running = true;
    succeeded = 0;
    errors = {};
    const client = clientOf(address);
    workers = Promise.all(
      Array.from({ length: concurrency }, (_, i) => work(client, (rampMs * i) / Math.max(1, concurrency))),
    );
  },
  mark(): Measured {
    const now = performance.now();
    const measured = { seconds: (now - markedAt) / 1000, latenciesMs };
    markedAt = now;
    latenciesMs = [];
    return measured;
  },
  async stop(): Promise<Total> {
    running = false;
    await workers;
    return { succeeded, errors };
  },
});
