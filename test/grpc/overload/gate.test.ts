import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { credentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { BookingRequest, BookingServiceClient } from "../../../generated/pb/booking/booking.js";
import { Flag, FrameType, preface } from "../../../runtime/grpc/overload/frames.js";
import type { ServerOptions } from "../../../runtime/grpc/server.js";
import { callUnary } from "../../support/call-unary.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { createAuthority } from "../support/authority.js";
import { book as bookSync, type Ended, ended, startBookingServer } from "../support/booking-server.js";
import { frame, framesIn } from "./support.js";

const scope = createScope();
const request = { ProductID: 1n, Count: 1n, FaultInject: false };
const path = "/pb.BookingService/HandleAsyncBooking";

function bookOver(client: BookingServiceClient, id: string, message = request): Promise<Ended> {
  return ended(callUnary(client, client.handleAsyncBooking, message, { "x-request-id": id }));
}

/** A server with one saga that has ended and as many as it takes that are held. */
async function fullServer(
  config: Partial<ServerOptions["config"]> = {},
  over?: (address: string) => BookingServiceClient,
) {
  const server = await startBookingServer(scope, { config: { ...config, queue_limit: { async: 3 } } });
  const { address, orders, engine } = server;
  const client = over?.(address) ?? server.client;
  const book = (id: string, message = request) => bookOver(client, id, message);
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
  return { ...server, client, book, engine, open };
}

function refusalOf(id: string) {
  return {
    code: status.RESOURCE_EXHAUSTED,
    message: expect.stringContaining("HandleAsyncBooking has as many open sagas as this server holds"),
    info: { domain: "protosaga", reason: "SAGA_QUEUE_FULL", metadata: { saga_id: id } },
  };
}

/** Refused calls at the same time. */
async function flood(book: (id: string) => Promise<Ended>, name = "flood"): Promise<void> {
  const ids = Array.from({ length: 300 }, (_, at) => `${name}-${"x".repeat(at % 100)}${at}`);
  for (const [at, { code, message, info }] of (await Promise.all(ids.map((id) => book(id)))).entries())
    expect({ code, message, info }).toEqual(refusalOf(ids[at] ?? ""));
}

/** Makes a call of HTTP/2's streams themselves. */
function rawCall(session: ClientHttp2Session, id: string, body: Buffer) {
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  return new Promise<string>((resolve) => {
    const stream = session.request({ ...headers, "x-request-id": id });
    let ending = "none";
    const read = (fields: Readonly<Record<string, unknown>>) => {
      ending = String(fields["grpc-status"] ?? ending);
    };
    stream.on("response", read).on("trailers", read).resume();
    stream.on("error", (error) => {
      ending = error.message;
    });
    stream.on("close", () => resolve(ending));
    stream.end(body);
  });
}

function session(address: string, options = {}): ClientHttp2Session {
  const made = connect(`http://${address}`, options);
  made.on("error", () => {});
  scope.defer(() => made.destroy());
  return made;
}

test("of a flood each call gets the same refusal, whichever way it went; what runs is joined all the while", async () => {
  const { book } = await fullServer();
  const flooded = flood(book);
  const joined = await book("held-1");
  const other = await book("held-1", { ...request, Count: 2n });
  await flooded;
  expect(joined.code).toBe(status.OK);
  expect(other.code).toBe(status.ALREADY_EXISTS);
});

test("of a flood that comes at once to a server with room, as many are accepted as there is room for", async () => {
  const { client, orders } = await startBookingServer(scope, { config: { queue_limit: { async: 3 } } });
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  orders.plan("createOrder", { hold, times: 3 });
  const ends = await Promise.all(Array.from({ length: 500 }, (_, at) => bookOver(client, `flood-${at}`)));
  const codes = ends.map(({ code }) => code);
  expect(codes.filter((code) => code === status.OK)).toHaveLength(3);
  expect(codes.filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(497);
  open();
});

test("those who ask again take nobody's room", async () => {
  const server = await startBookingServer(scope, { config: { queue_limit: { async: 8 } } });
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  server.orders.plan("createOrder", { hold, times: 8 });
  const book = (id: string) => bookOver(server.client, id);
  for (let at = 0; at < 8; at++) expect((await book(`held-${at}`)).code).toBe(status.OK);
  // None is looked into any more for want of room.
  await flood(book);
  open();
  await until(async () => server.ledgers().payments.effects.length === 8, { what: "room" });
  let openAgain = () => {};
  const again = new Promise<void>((resolve) => {
    openAgain = resolve;
  });
  server.orders.plan("createOrder", { hold: again, times: 5 });
  for (let at = 0; at < 4; at++)
    await until(async () => (await book(`next-${at}`)).code === status.OK, { what: "room" });
  const repeats = Array.from({ length: 30 }, () => book("next-0"));
  expect((await book("new")).code).toBe(status.OK);
  for (const { code } of await Promise.all(repeats)) expect(code).toBe(status.OK);
  openAgain();
});

test("over TLS, too", async () => {
  const { ca, issue } = createAuthority(scope.tempDir());
  const { book } = await fullServer({ tls: issue("server") }, (address) =>
    scope.use(new BookingServiceClient(address, credentials.createSsl(readFileSync(ca)))),
  );
  await flood(book);
});

test("in a flood, one that asks under the id of a saga that ended a while ago gets its answer", async () => {
  const { book } = await fullServer();
  const flooded = flood(book);
  expect((await book("done")).code).toBe(status.OK);
  await flooded;
});

test("also of one that ended before the server was restarted, if it asks again and again", async () => {
  const before = await startBookingServer(scope);
  expect((await bookOver(before.client, "old")).code).toBe(status.OK);
  await until(async () => before.ledgers().payments.effects.length === 1, { what: "the booking" });
  await before.close();
  const { book } = await fullServer({ data_dir: before.dataDir });
  let over = false;
  let refused = 0;
  const flooding = Array.from({ length: 50 }, async (_, client) => {
    for (let at = 0; !over; at++) {
      const { code } = await book(`flood-${client}-${at}`);
      refused += code === status.RESOURCE_EXHAUSTED ? 1 : 0;
    }
  });
  await until(() => refused > 500, { what: "a flood" });
  await until(async () => (await book("old")).code === status.OK, { what: "the recorded answer" });
  over = true;
  await Promise.all(flooding);
});

test("a flood without request ids is told so, and other methods are answered", async () => {
  const { client, book } = await fullServer();
  const calls = Array.from({ length: 300 }, () => ended(callUnary(client, client.handleAsyncBooking, request)));
  for (const { code } of await Promise.all(calls)) expect(code).toBe(status.INVALID_ARGUMENT);
  const flooded = flood(book);
  expect((await bookSync(client, { "x-request-id": "sync" })).code).toBe(status.OK);
  await flooded;
});

test("what the requests of refused calls took of a connection's window is given back", async () => {
  const { address, book, open } = await fullServer();
  const client = session(address);
  // As if each request held fields of 10 kB that this server does not know: 4 MB in all, where 64 kB are let through at first.
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0x28, 4, 0x7a, 0x81, 0x50]), Buffer.alloc(10_241)]);
  const ends = Array.from({ length: 400 }, (_, at) => rawCall(client, `large-${at}`, body));
  for (const ending of await Promise.all(ends)) expect(ending).toBe(String(status.RESOURCE_EXHAUSTED));
  open();
  await until(async () => (await book("later")).code === status.OK, { what: "room" });
  expect(await rawCall(client, "on the same connection", body)).toBe(String(status.INVALID_ARGUMENT));
  const small = Buffer.from(BookingRequest.encode(request).finish());
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, small.length]), small]);
  expect(await rawCall(client, "fits", framed)).toBe(String(status.OK));
});

test("clients that hang up in the flood do no harm", async () => {
  const { address, book, open } = await fullServer();
  const client = session(address);
  for (let at = 0; at < 300; at++) {
    const stream = client.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "x-request-id": `gone-${at}`,
    });
    stream.on("error", () => {});
    if (at % 2 === 0) stream.close(8);
  }
  await new Promise<void>((resolve) => client.ping(() => resolve()));
  client.destroy();
  expect((await book("held-2")).code).toBe(status.OK);
  open();
  await until(async () => (await book("later")).code === status.OK, { what: "room again" });
});

test.each([0, 1_024, 65_536])(
  "clients that remember %d bytes of headers understand refusals",
  async (headerTableSize) => {
    const { address } = await fullServer();
    const client = session(address, { settings: { headerTableSize } });
    const ends = Array.from({ length: 300 }, (_, at) => rawCall(client, `plain-${at}`, Buffer.alloc(5)));
    for (const ending of await Promise.all(ends)) expect(ending).toBe(String(status.RESOURCE_EXHAUSTED));
  },
);

test("a client that goes on remembering headers is served, and refused, as if there were no gate", async () => {
  const { address } = await fullServer();
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connectTcp(Number(port), hostname);
  scope.defer(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("error", () => {}).on("data", (chunk) => chunks.push(chunk));
  const acknowledged = frame(FrameType.SETTINGS, Flag.ACK, 0);
  const field = (name: string, value: string) => [
    name.length,
    ...Buffer.from(name),
    value.length,
    ...Buffer.from(value),
  ];
  const end = Flag.END_HEADERS | Flag.END_STREAM;
  // POST, http, an authority, and what the table of headers holds from then on, of which 62 is what came last.
  const begin = [0x83, 0x86, 0x01, hostname.length, ...Buffer.from(hostname)];
  const kept = [0x44, path.length, ...Buffer.from(path), 0x40, ...field("content-type", "application/grpc")];
  const joins = Buffer.from([...begin, ...kept, 0, ...field("x-request-id", "held-0")]);
  const refused = Buffer.from([...begin, 0x80 | 63, 0x80 | 62, 0, ...field("x-request-id", "remembers")]);
  socket.write(Buffer.concat([preface, frame(FrameType.SETTINGS, 0, 0), acknowledged, acknowledged]));
  for (const [at, block] of [joins, refused, refused, refused].entries())
    socket.write(Buffer.concat([frame(FrameType.HEADERS, end, 2 * at + 1, block)]));
  const answers = () =>
    framesIn(Buffer.concat(chunks)).filter(({ type, flags }) => type === FrameType.HEADERS && (flags & 1) !== 0);
  await until(() => answers().length === 4, { what: "four answers" });
  expect(answers().map(({ stream }) => stream)).toEqual([1, 3, 5, 7]);
});

test("what is not HTTP/2 is hung up on", async () => {
  const { address, client } = await startBookingServer(scope);
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connectTcp(Number(port), hostname);
  socket.on("error", () => {}).resume();
  socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  expect((await bookSync(client, { "x-request-id": "a" })).code).toBe(status.OK);
});
