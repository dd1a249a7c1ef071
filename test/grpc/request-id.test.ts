import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { book, ended, startBookingServer } from "./support/booking-server.js";
import { callRaw } from "./support/raw-call.js";

const scope = createScope();

test("a call without a request id is refused with this message", async () => {
  const { client, orders } = await startBookingServer(scope);
  const missing = {
    code: status.INVALID_ARGUMENT,
    message:
      "missing metadata x-request-id; send the same id with every attempt of one request, and another with another request",
    info: { reason: "SAGA_REQUEST_ID_MISSING", domain: "protosaga", metadata: {} },
  };
  expect(await book(client, {})).toEqual(missing);
  expect(await book(client, { "x-request-id": "" })).toEqual(missing);
  expect(orders.calls).toEqual([]);
});

test("a request id has at most 128 characters of certain kinds", async () => {
  const { client, orders } = await startBookingServer(scope);
  expect(await book(client, { "x-request-id": "x".repeat(128) })).toMatchObject({ code: status.OK });
  expect(await book(client, { "x-request-id": "AZaz09._:/-" })).toMatchObject({ code: status.OK });
  const booked = orders.calls.length;
  for (const bad of ["x".repeat(129), "a b", "a,b", "a;b", "a+b", "a@b", "{a}", "a%20b", "~"]) {
    expect(await book(client, { "x-request-id": bad }), bad).toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: expect.stringContaining("x-request-id must have 1 to 128"),
      info: { reason: "SAGA_REQUEST_ID_INVALID" },
    });
  }
  expect(orders.calls).toHaveLength(booked);
});

test("a malformed request is refused, and its id is still free", async () => {
  const { client, orders } = await startBookingServer(scope);
  const path = "/pb.BookingService/HandleSyncBooking";
  // A length-delimited field that is longer than the message.
  const broken = new Uint8Array([0x0a, 0xff, 0x01]);
  expect(await ended(callRaw(client, path, broken, { "x-request-id": "a" }))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    info: { reason: "SAGA_REQUEST_MALFORMED", metadata: { saga_id: "a" } },
  });
  expect(orders.calls).toEqual([]);
  expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: status.OK });
});

test("an id that was used for another facade or payload gets ALREADY_EXISTS; the same request gets the same answer", async () => {
  const { client, ledgers } = await startBookingServer(scope);
  const first = await book(client, { "x-request-id": "a" });
  expect(first).toMatchObject({ response: { RequestID: "a", OrderID: 1n, PaymentID: 2n } });
  expect(await book(client, { "x-request-id": "a" })).toEqual(first);
  expect(await book(client, { "x-request-id": "a" }, { Count: 2n })).toMatchObject({
    code: status.ALREADY_EXISTS,
    info: { reason: "SAGA_REQUEST_ID_TAKEN", metadata: { saga_id: "a" } },
  });
  expect(ledgers().orders.entries).toHaveLength(1);
});
