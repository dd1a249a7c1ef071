import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { BookingRequest, BookingServiceService } from "../../generated/pb/booking/booking.js";
import { callRaw } from "../grpc/support/raw-call.js";
import { startFaultyOrderService, startFaultyPaymentService } from "../support/faulty-upstream.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

const scope = createScope();
const mebibyte = 2 ** 20;

/** A booking of so many bytes: the rest is a field that no one knows, which the journal keeps all the same. */
function largeBooking(bytes: number): Uint8Array {
  const request = BookingRequest.fromPartial({ ProductID: 1n, Count: 1n });
  const filler = BookingRequest.encode(request)
    .uint32((1_000 << 3) | 2)
    .bytes(new Uint8Array(bytes));
  return filler.finish();
}

/** The resident memory of a process, bytes. */
function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

test("a flood of large requests on a small heap: refused past the limit, and all that was accepted ends", async () => {
  const place = await createPlace(scope, { SAGA_QUEUE_LIMIT_MEGABYTES: "32", SAGA_LOG_LEVEL: "warn" });
  const data = join(place.data, "upstreams");
  const { SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: order = "", SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS: payment = "" } =
    place.env;
  const orders = scope.use(await startFaultyOrderService({ address: order, data }));
  scope.use(await startFaultyPaymentService({ address: payment, data }));
  let release = () => {};
  const hold = new Promise<void>((resolve) => (release = resolve));
  orders.decideBy(() => ({ hold }));
  const server = await place.startServer(undefined, [], { nodeOptions: ["--max-old-space-size=96"] });
  const client = scope.use(new Client(place.env.SAGA_LISTEN ?? "", credentials.createInsecure()));
  const ask = (id: string, body: Uint8Array, method: "handleAsyncBooking" | "handleSyncBooking") =>
    callRaw(client, BookingServiceService[method].path, body, { "x-request-id": id }).then(
      () => 0,
      (error: ServiceError) => error.code,
    );
  const booking = largeBooking(mebibyte);
  // Sync sagas are held by the same memory, which no count bounds.
  const syncs = Array.from({ length: 20 }, (_, n) => ask(`sync-${n}`, booking, "handleSyncBooking"));
  const answers: number[] = [];
  for (let round = 0; round < 15; round++) {
    const ids = Array.from({ length: 16 }, (_, n) => `async-${answers.length + n}`);
    answers.push(...(await Promise.all(ids.map((id) => ask(id, booking, "handleAsyncBooking")))));
  }
  const accepted = answers.flatMap((code, n) => (code === 0 ? [`async-${n}`] : []));
  expect(new Set(answers)).toEqual(new Set([0, 8]));
  expect(accepted.length, "with the sync ones they fill the limit").toBeGreaterThan(5);
  expect(accepted.length).toBeLessThan(32);
  expect(residentOf(server.pid)).toBeLessThan(600 * mebibyte);

  expect(await ask("too large", largeBooking(5 * mebibyte), "handleAsyncBooking"), "gRPC's own limit").toBe(8);
  release();
  await Promise.all(syncs);
  await place.settled(accepted);
  expect(await until(async () => (await ask("later", booking, "handleSyncBooking")) === 0)).toBe(true);
  const { orders: orderBook, payments: paymentBook } = place.ledgers();
  for (const id of accepted) {
    // On a slow machine the held calls' time may pass, and all is undone.
    const [made, paid] = [orderBook, paymentBook].map(({ entries }) =>
      entries.filter(({ requestId, status }) => requestId === id && status === "created"),
    );
    expect(made?.length, id).toBe(paid?.length);
  }
});
