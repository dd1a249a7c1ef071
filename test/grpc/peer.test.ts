import { readFileSync } from "node:fs";
import { credentials, ServerInterceptingCall, type ServerInterceptor, type ServerUnaryCall } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import {
  GetOrderRequest,
  GetOrderResponse,
  OrderServiceClient,
  OrderServiceService,
} from "../../generated/pb/booking/order.js";
import type { ConfigInput } from "../../runtime/config/schema.js";
import type { SagaService } from "../../runtime/facade/definition.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { createAuthority } from "./support/authority.js";
import { book, startBookingServer } from "./support/booking-server.js";

const scope = createScope();

/** What can be seen of the client that makes a call. */
interface Seen {
  readonly where: string;
  readonly peer: string;
  readonly certificateOf: unknown;
}

/** A booking server with an RPC that is no facade, whose handler and interceptor look at their clients. */
async function startLookingServer(config: Partial<ConfigInput> = {}) {
  const seen: Seen[] = [];
  type Peer = Pick<ServerUnaryCall<unknown, unknown>, "getPeer" | "getAuthContext">;
  const look = (where: string, call: Peer) => {
    const certificate = call.getAuthContext().sslPeerCertificate;
    seen.push({ where, peer: call.getPeer(), certificateOf: certificate?.subject.CN });
  };
  const interceptor: ServerInterceptor = ({ path }, call) => {
    look(path, call);
    return new ServerInterceptingCall(call);
  };
  const { getOrder } = OrderServiceService;
  const orders: SagaService = {
    ...bookingService,
    name: "pb.OrderService",
    definition: { getOrder },
    facades: {},
    rpcs: {
      getOrder: (call: ServerUnaryCall<unknown, unknown>, callback: (error: null, order: unknown) => void) => {
        look("handler", call);
        callback(null, GetOrderResponse.fromPartial({ orderId: 7n }));
      },
    },
  };
  const server = await startBookingServer(scope, {
    services: [bookingService, orders],
    interceptors: [interceptor],
    config,
  });
  return { ...server, seen };
}

test("a handler and an interceptor see the client's address", async () => {
  const { address, client, seen } = await startLookingServer();
  const orders = scope.use(new OrderServiceClient(address, credentials.createInsecure()));
  await callUnary(orders, orders.getOrder, GetOrderRequest.create());
  await book(client, { "x-request-id": "a" });
  const peer = expect.stringMatching(/^(127\.0\.0\.1|::1):\d+$/);
  const facade = "/pb.BookingService/HandleSyncBooking";
  expect(seen).toEqual(
    ["/pb.OrderService/GetOrder", "handler", facade].map((where) => ({ where, peer, certificateOf: undefined })),
  );
});

test("a handler and an interceptor see the client's address and certificate over TLS", async () => {
  const { ca, issue } = createAuthority(scope.tempDir());
  const visitor = issue("visitor");
  const { address, seen } = await startLookingServer({ tls: { ...issue("server"), client_ca: ca } });
  const secure = credentials.createSsl(readFileSync(ca), readFileSync(visitor.key), readFileSync(visitor.cert));
  const orders = scope.use(new OrderServiceClient(address, secure));
  await callUnary(orders, orders.getOrder, GetOrderRequest.create());
  const peer = expect.stringMatching(/^(127\.0\.0\.1|::1):\d+$/);
  expect(seen).toEqual(
    ["/pb.OrderService/GetOrder", "handler"].map((where) => ({ where, peer, certificateOf: "visitor" })),
  );
});
