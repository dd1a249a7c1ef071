import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { startBookingServer } from "./support/booking-server.js";

const scope = createScope();

test("a client's answer leaves, to its last byte, before the saga's first call does", async () => {
  const served: Socket[] = [];
  const called: Socket[] = [];
  const onServed = (message: unknown) => served.push((message as { socket: Socket }).socket);
  const onCalled = (message: unknown) => called.push((message as { socket: Socket }).socket);
  subscribe("net.server.socket", onServed);
  subscribe("net.client.socket", onCalled);
  scope.defer(() => {
    unsubscribe("net.server.socket", onServed);
    unsubscribe("net.client.socket", onCalled);
  });
  const { client, orders, port } = await startBookingServer(scope);
  const accept = (id: string) =>
    callUnary(client, client.handleAsyncBooking, BookingRequest.fromPartial({ ProductID: 1n }), { "x-request-id": id });
  // So that there are connections.
  await accept("first");
  await until(() => orders.calls.length === 1);
  const toClient = served.find(({ localPort }) => localPort === port);
  const toOrders = called.find(({ remotePort }) => remotePort === orders.port);
  if (toClient === undefined || toOrders === undefined) throw new Error("no such sockets");

  const callsBefore = toOrders.bytesWritten;
  let answeredByCall: number | undefined;
  const look = () => {
    if (toOrders.bytesWritten > callsBefore) answeredByCall = toClient.bytesWritten;
    else setImmediate(look);
  };
  look();
  await accept("second");
  const answered = toClient.bytesWritten;
  await until(() => answeredByCall !== undefined);
  expect(answeredByCall).toBe(answered);
});
