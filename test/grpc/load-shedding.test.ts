import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { credentials, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest, BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { OrderServiceService } from "../../generated/pb/booking/order.js";
import type { ServerOptions } from "../../runtime/grpc/server.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createAuthority } from "./support/authority.js";
import { book as bookSync, type Ended, ended, startBookingServer } from "./support/booking-server.js";

const scope = createScope();
const request = { ProductID: 1n, Count: 1n, FaultInject: false };
const asyncPath = "/pb.BookingService/HandleAsyncBooking";

function bookOver(client: BookingServiceClient, id: string, message = request): Promise<Ended> {
  return ended(callUnary(client, client.handleAsyncBooking, message, { "x-request-id": id }));
}

/** A promise that resolves when the test opens it, at the end of the test at the latest. */
function held() {
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  scope.defer(() => open());
  return { hold, open: () => open() };
}

/** A server whose async facade has as many open sagas as it takes: held-0, held-1 and held-2. */
async function fullServer(
  config: Partial<ServerOptions["config"]> = {},
  over?: (address: string) => BookingServiceClient,
) {
  const server = await startBookingServer(scope, { config: { ...config, queue_limit: { async: 3 } } });
  const client = over?.(server.address) ?? server.client;
  const book = (id: string, message = request) => bookOver(client, id, message);
  const { hold, open } = held();
  server.orders.plan("createOrder", { hold, times: 3 });
  for (const id of ["held-0", "held-1", "held-2"]) expect((await book(id)).code).toBe(status.OK);
  return { ...server, client, book, open };
}

function refusalOf(id: string) {
  return {
    code: status.RESOURCE_EXHAUSTED,
    message: expect.stringContaining("HandleAsyncBooking has as many open sagas as queue_limit allows"),
    info: { domain: "protosaga", reason: "SAGA_QUEUE_FULL", metadata: { saga_id: id } },
  };
}

/** Refused calls at the same time. */
async function flood(book: (id: string) => Promise<Ended>): Promise<void> {
  const ids = Array.from({ length: 300 }, (_, at) => `flood-${at}`);
  for (const [at, { code, message, info }] of (await Promise.all(ids.map((id) => book(id)))).entries())
    expect({ code, message, info }).toEqual(refusalOf(ids[at] ?? ""));
}

function session(address: string): ClientHttp2Session {
  const made = connect(`http://${address}`);
  made.on("error", () => {});
  scope.defer(() => made.destroy());
  return made;
}

/** Begins a call on an HTTP/2 stream, and sends nothing of its request. */
function begin(client: ClientHttp2Session, path: string, id: string) {
  const stream = client.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    "x-request-id": id,
  });
  const end = new Promise<string>((resolve) => {
    let ending = "none";
    const read = (fields: Readonly<Record<string, unknown>>) => {
      ending = String(fields["grpc-status"] ?? ending);
    };
    stream.on("response", read).on("trailers", read).resume();
    stream.on("error", (error) => {
      ending = error.message;
    });
    stream.on("close", () => resolve(ending));
  });
  return { stream, end };
}

describe("a full queue", () => {
  test("refuses each call of a flood; a call under the id of a saga that runs joins it", async () => {
    const { book } = await fullServer();
    const flooded = flood(book);
    const joined = await book("held-1");
    const other = await book("held-1", { ...request, Count: 2n });
    await flooded;
    expect(joined.code).toBe(status.OK);
    expect(other.code).toBe(status.ALREADY_EXISTS);
  });

  test("refuses a call before its request is read", async () => {
    const { address } = await fullServer();
    const { stream, end } = begin(session(address), asyncPath, "unsent");
    stream.once("response", () => stream.end());
    expect(await end).toBe(String(status.RESOURCE_EXHAUSTED));
  });

  test("refuses over TLS, too", async () => {
    const { ca, issue } = createAuthority(scope.tempDir());
    const { book } = await fullServer({ tls: issue("server") }, (address) =>
      scope.use(new BookingServiceClient(address, credentials.createSsl(readFileSync(ca)))),
    );
    await flood(book);
  });

  test("does not delay the answers of other calls", async () => {
    const { client, book } = await fullServer();
    const calls = Array.from({ length: 50 }, () => ended(callUnary(client, client.handleAsyncBooking, request)));
    for (const { code } of await Promise.all(calls)) expect(code, "without an id").toBe(status.INVALID_ARGUMENT);
    const flooded = flood(book);
    expect((await bookSync(client, { "x-request-id": "sync" })).code).toBe(status.OK);
    await flooded;
  });

  test("accepts calls again once sagas have ended", async () => {
    const { book, open } = await fullServer();
    await flood(book);
    open();
    await until(async () => (await book("later")).code === status.OK, { what: "room" });
  });

  test("does not suffer from clients that hang up", async () => {
    const { address, book, open } = await fullServer();
    const client = session(address);
    for (let at = 0; at < 300; at++) {
      const { stream } = begin(client, asyncPath, `gone-${at}`);
      if (at % 2 === 0) stream.close(8);
    }
    await new Promise<void>((resolve) => client.ping(() => resolve()));
    client.destroy();
    expect((await book("held-2")).code).toBe(status.OK);
    open();
    await until(async () => (await book("later")).code === status.OK, { what: "room again" });
  });
});

test("of simultaneous calls, a server accepts as many as it has room for", async () => {
  const { client, orders } = await startBookingServer(scope, { config: { queue_limit: { async: 3 } } });
  orders.plan("createOrder", { hold: held().hold, times: 3 });
  const ends = await Promise.all(Array.from({ length: 500 }, (_, at) => bookOver(client, `flood-${at}`)));
  const codes = ends.map(({ code }) => code);
  expect(codes.filter((code) => code === status.OK)).toHaveLength(3);
  expect(codes.filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(497);
});

test("while the event loop is late, calls of every mode are refused; then they are accepted again", async () => {
  const { client } = await startBookingServer(scope, { config: { limits: { event_loop_delay_ms: 20 } } });
  const hog = setInterval(() => {
    const until = performance.now() + 60;
    while (performance.now() < until);
  }, 0);
  scope.defer(() => clearInterval(hog));
  let calls = 0;
  const refused = await until(
    async () => {
      const end = await bookSync(client, { "x-request-id": `late-${calls++}` });
      return end.code === status.RESOURCE_EXHAUSTED && end;
    },
    { what: "a refusal" },
  );
  expect(refused.info).toMatchObject({ reason: "SAGA_QUEUE_FULL" });
  expect((await bookOver(client, "async")).code).toBe(status.RESOURCE_EXHAUSTED);
  clearInterval(hog);
  await until(async () => (await bookSync(client, { "x-request-id": "after" })).code === status.OK, { what: "room" });
});

describe("a client", () => {
  test("learns how many calls it may have open", async () => {
    const { address } = await startBookingServer(scope, { config: { limits: { streams: 7 } } });
    const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) =>
      session(address).once("remoteSettings", resolve),
    );
    expect(settings.maxConcurrentStreams).toBe(7);
  });

  test("waits with further calls until one has ended", async () => {
    const { client, orders } = await startBookingServer(scope, { config: { limits: { streams: 2 } } });
    const { hold, open } = held();
    orders.plan("createOrder", { hold, times: 2 });
    const calls = ["a", "b", "c"].map((id) => bookSync(client, { "x-request-id": id }));
    await until(() => orders.calls.length === 2, { what: "the first two calls" });
    open();
    for (const { code } of await Promise.all(calls)) expect(code).toBe(status.OK);
    expect(orders.calls).toHaveLength(3);
  });

  test("that does not send its request in time gets DEADLINE_EXCEEDED", async () => {
    const { address, client } = await startBookingServer(scope, { config: { limits: { request_ms: 200 } } });
    const { stream, end } = begin(session(address), asyncPath, "slow");
    stream.write(Buffer.from([0, 0, 0, 0, 9, 1]));
    stream.once("response", () => stream.end());
    expect(await end).toBe(String(status.DEADLINE_EXCEEDED));
    expect((await bookOver(client, "slow")).code, "the id is free").toBe(status.OK);
  });

  test("is disconnected above the limit of connections, and served once another one has left", async () => {
    const { address, client } = await startBookingServer(scope, { config: { limits: { connections: 2 } } });
    expect((await bookSync(client, { "x-request-id": "a" })).code).toBe(status.OK);
    const second = session(address);
    await new Promise<void>((resolve) => second.once("remoteSettings", () => resolve()));
    const third = session(address);
    await new Promise<void>((resolve) => third.once("close", () => resolve()));
    second.destroy();
    const fourth = await until(
      () =>
        new Promise<ClientHttp2Session | false>((resolve) => {
          const made = session(address);
          made.once("remoteSettings", () => resolve(made));
          made.once("close", () => resolve(false));
        }),
      { what: "a free place" },
    );
    expect(fourth.closed).toBe(false);
  });

  test("that makes no call for a while is disconnected", async () => {
    const { address } = await startBookingServer(scope, { config: { limits: { idle_ms: 100 } } });
    await new Promise<void>((resolve) => session(address).once("close", () => resolve()));
  });

  test("is pinged", async () => {
    const { address } = await startBookingServer(scope, { config: { limits: { keepalive_ms: 100 } } });
    await new Promise<void>((resolve) => session(address).once("ping", () => resolve()));
  });

  test("that does not speak HTTP/2 is disconnected", async () => {
    const { address, client } = await startBookingServer(scope);
    const { hostname, port } = new URL(`http://${address}`);
    const socket = connectTcp(Number(port), hostname);
    socket.on("error", () => {}).resume();
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    expect((await bookSync(client, { "x-request-id": "a" })).code).toBe(status.OK);
  });
});

test("a call that never ends does not keep the server from closing", async () => {
  const { getOrder } = OrderServiceService;
  let called = false;
  const orders = {
    ...bookingService,
    name: "pb.OrderService",
    definition: { getOrder },
    facades: {},
    rpcs: {
      getOrder: (_call: ServerUnaryCall<unknown, unknown>) => {
        called = true;
      },
    },
  };
  const { address, close } = await startBookingServer(scope, { services: [bookingService, orders] });
  const { stream, end } = begin(session(address), getOrder.path, "hangs");
  stream.end(Buffer.concat([Buffer.alloc(5), BookingRequest.encode(BookingRequest.create()).finish()]));
  await until(() => called, { what: "the call" });
  await close();
  expect(await end).not.toBe(String(status.OK));
});
