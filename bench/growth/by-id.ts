import { performance } from "node:perf_hooks";
import { credentials, Metadata } from "@grpc/grpc-js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { SagaServiceClient } from "../../runtime/pb/saga/v1/service.js";
import { quantile, rounded } from "../support/statistics.js";
import { idOf, type Size } from "./rows.js";

/** How long one kind of query takes, one after the other, ms. */
export interface Times {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
}

/** How long answers by id take. */
export interface ById {
  /** GetSaga of a saga that has ended. */
  readonly get_saga: Times;
  /** A facade called again under the id of a saga that has ended: it gets the recorded answer. */
  readonly recorded_answer: Times;
}

/** Queries random sagas of the younger half, which are kept. */
export async function measureById(address: string, { finished }: Size, lookups: number): Promise<ById> {
  const sagas = new SagaServiceClient(address, credentials.createInsecure());
  const bookings = new BookingServiceClient(address, credentials.createInsecure());
  // The stride is not a divisor, so no saga is queried twice.
  const ids = Array.from({ length: lookups }, (_, i) =>
    idOf("finished", finished - 1 - ((i * 7_919) % Math.floor(finished * 0.45))),
  );
  const get = (requestId: string) =>
    new Promise<void>((resolve, reject) => {
      sagas.getSaga({ requestId }, (error) => (error === null ? resolve() : reject(error)));
    });
  const ask = (requestId: string) =>
    new Promise<void>((resolve, reject) => {
      const metadata = new Metadata();
      metadata.set("x-request-id", requestId);
      const request = { ProductID: 1n, Count: 1n, FaultInject: false };
      bookings.handleSyncBooking(request, metadata, (error, response) => {
        if (error !== null) reject(error);
        else if (response.RequestID !== requestId) reject(new Error(`not the recorded answer: ${response.RequestID}`));
        else resolve();
      });
    });
  // Once each without counting, to make the connections.
  await get(idOf("finished", finished - 1));
  await ask(idOf("finished", finished - 1));
  const result = { get_saga: await timesOf(ids, get), recorded_answer: await timesOf(ids, ask) };
  sagas.close();
  bookings.close();
  return result;
}

async function timesOf(ids: readonly string[], ask: (id: string) => Promise<void>): Promise<Times> {
  const times: number[] = [];
  for (const id of ids) {
    const began = performance.now();
    await ask(id);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return {
    p50_ms: rounded(quantile(times, 0.5), 2),
    p99_ms: rounded(quantile(times, 0.99), 2),
    max_ms: rounded(times.at(-1) ?? Number.NaN, 2),
  };
}
