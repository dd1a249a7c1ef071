import { connect } from "node:http2";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type Ended, ended, startBookingServer } from "./support/booking-server.js";

const scope = createScope();
const request = { ProductID: 1n, Count: 1n, FaultInject: false };

/** A server with one saga that has ended and as many as it takes that are held. */
async function fullServer() {
  const server = await startBookingServer(scope, { config: { queue_limit: { async: 3 } } });
  const { client, orders, engine } = server;
  const book = (id: string, message = request): Promise<Ended> =>
    ended(callUnary(client, client.handleAsyncBooking, message, { "x-request-id": id }));
  expect((await book("done")).code).toBe(status.OK);
  await until(async () => server.ledgers().payments.effects.length === 1, { what: "the first booking" });
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  scope.defer(() => open());
  orders.plan("createOrder", { hold, times: 3 });
  for (const id of ["held-0", "held-1", "held-2"])
    await until(async () => (await book(id)).code === status.OK, { what: "room" });
  return { ...server, book, engine, open };
}

test("of a flood each call gets the same refusal, whichever way it went; what runs is joined all the while", async () => {
  const { book } = await fullServer();
  const flood = Array.from({ length: 600 }, (_, at) => book(`flood-${at}`));
  const joined = await book("held-1");
  const other = await book("held-1", { ...request, Count: 2n });
  const ends = await Promise.all(flood);

  expect(joined.code).toBe(status.OK);
  expect(other.code).toBe(status.ALREADY_EXISTS);
  for (const [at, { code, message, info }] of ends.entries()) {
    expect({ code, message, info }).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      message: expect.stringContaining("HandleAsyncBooking has as many open sagas as this server holds"),
      info: { domain: "protosaga", reason: "SAGA_QUEUE_FULL", metadata: { saga_id: `flood-${at}` } },
    });
  }
});

test("while a flood is refused, one that asks again and again under an old id gets its answer", async () => {
  const { book } = await fullServer();
  let over = false;
  let refused = 0;
  const flood = Array.from({ length: 50 }, async (_, client) => {
    for (let at = 0; !over; at++) {
      const { code } = await book(`flood-${client}-${at}`);
      refused += code === status.RESOURCE_EXHAUSTED ? 1 : 0;
    }
  });
  await until(() => refused > 500, { what: "a flood" });
  await until(async () => (await book("done")).code === status.OK, { what: "the recorded answer" });
  over = true;
  await Promise.all(flood);
});

test("a flood without request ids is told so, and other methods are answered", async () => {
  const { client } = await fullServer();
  const calls = Array.from({ length: 300 }, () => ended(callUnary(client, client.handleAsyncBooking, request)));
  for (const { code } of await Promise.all(calls)) expect(code).toBe(status.INVALID_ARGUMENT);
});

test("clients that hang up in the flood do no harm", async () => {
  const { address, book, open } = await fullServer();
  const session = connect(`http://${address}`);
  scope.defer(() => session.destroy());
  for (let at = 0; at < 300; at++) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/pb.BookingService/HandleAsyncBooking",
      "content-type": "application/grpc",
      te: "trailers",
      "x-request-id": `gone-${at}`,
    });
    stream.on("error", () => {});
    if (at % 2 === 0) stream.close(8);
  }
  await new Promise<void>((resolve) => session.ping(() => resolve()));
  session.destroy();
  expect((await book("held-2")).code).toBe(status.OK);
  open();
  await until(async () => (await book("later")).code === status.OK, { what: "room again" });
});
