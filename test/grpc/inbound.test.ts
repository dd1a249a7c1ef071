import { credentials, Server, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { listen } from "../../examples/booking/upstream/shared/listen.js";
import {
  GetOrderRequest,
  GetOrderResponse,
  OrderServiceClient,
  OrderServiceService,
} from "../../generated/pb/booking/order.js";
import { createInbound } from "../../runtime/grpc/inbound.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { ended, startBookingServer } from "./support/booking-server.js";

const scope = createScope();

test("once much was refused, the clients' sockets are not read for a time, and then are again", async () => {
  const server = new Server();
  server.addService(OrderServiceService, {
    createOrder: () => {},
    cancelOrder: () => {},
    getOrder: (_call: unknown, callback: (error: null, order: GetOrderResponse) => void) =>
      callback(null, GetOrderResponse.fromPartial({ orderId: 7n })),
  });
  const address = `localhost:${await listen(server, "localhost:0")}`;
  scope.defer(() => server.forceShutdown());
  const inbound = createInbound(server);
  const clients = [1, 2].map(
    // Channels of their own, so that there are two sockets.
    (id) => scope.use(new OrderServiceClient(address, credentials.createInsecure(), { "client.id": id })),
  );
  const order = (client: OrderServiceClient) => callUnary(client, client.getOrder, GetOrderRequest.create());
  await Promise.all(clients.map(order));
  const begun = performance.now();
  for (let refused = 0; refused < 4_000; refused++) inbound.refused("gate");
  for (const { orderId } of await Promise.all(clients.map(order))) expect(orderId).toBe(7n);
  // 3,840 past the budget, at eight a millisecond. No upper bound: how long a machine takes is not what is tested.
  expect(performance.now() - begun).toBeGreaterThan(400);
});

test("each of a flood of calls is answered: what was accepted is done, the rest is refused", async () => {
  const server = await startBookingServer(scope, { config: { queue_limit: { async: 3 } } });
  const { client } = server;
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  server.orders.plan("createOrder", { hold, times: 3 });
  const book = (id: string) =>
    ended(
      callUnary(
        client,
        client.handleAsyncBooking,
        { ProductID: 1n, Count: 1n, FaultInject: false },
        { "x-request-id": id },
      ),
    );
  const codes = (await Promise.all(Array.from({ length: 500 }, (_, at) => book(`flood-${at}`)))).map(
    ({ code }) => code,
  );
  expect(codes.filter((code) => code === status.OK)).toHaveLength(3);
  expect(codes.filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(497);
  open();
});
