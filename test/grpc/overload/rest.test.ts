import { credentials, Server } from "@grpc/grpc-js";
import { pino } from "pino";
import { expect, test } from "vitest";
import { listen } from "../../../examples/booking/upstream/shared/listen.js";
import {
  GetOrderRequest,
  GetOrderResponse,
  OrderServiceClient,
  OrderServiceService,
} from "../../../generated/pb/booking/order.js";
import { addGate } from "../../../runtime/grpc/overload/gate.js";
import { callUnary } from "../../support/call-unary.js";
import { createScope } from "../../support/scope.js";

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
  const engine = { crowded: () => false, knows: () => false, refusal: () => undefined };
  const gate = addGate(server, { services: [], engine, log: pino({ level: "silent" }) });
  const clients = [1, 2].map(
    // Channels of their own, so that there are two sockets.
    (id) => scope.use(new OrderServiceClient(address, credentials.createInsecure(), { "client.id": id })),
  );
  const order = (client: OrderServiceClient) => callUnary(client, client.getOrder, GetOrderRequest.create());
  await Promise.all(clients.map(order));
  const begun = performance.now();
  for (let refused = 0; refused < 1_000; refused++) gate.refused();
  for (const { orderId } of await Promise.all(clients.map(order))) expect(orderId).toBe(7n);
  // 980 past the budget, at one a millisecond. No upper bound: how long a machine takes is not what is tested.
  expect(performance.now() - begun).toBeGreaterThan(900);
});
