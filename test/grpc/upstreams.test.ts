import { readFileSync } from "node:fs";
import { credentials, InterceptingCall, type Interceptor, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import { CreateOrderResponse } from "../../generated/pb/booking/order.js";
import { checkConfig } from "../../runtime/config/load.js";
import type { Config, ConfigInput } from "../../runtime/config/schema.js";
import { createSagas } from "../../runtime/grpc/sagas.js";
import { createUpstreams, type UpstreamOptions } from "../../runtime/grpc/upstreams.js";
import { startBookingUpstreams } from "../support/booking-upstreams.js";
import { createScope } from "../support/scope.js";
import { createAuthority } from "./support/authority.js";

const scope = createScope();
const request = BookingRequest.fromPartial({ ProductID: 1n, Count: 1n });
const call = {
  service: "pb.OrderService",
  path: "/pb.OrderService/CreateOrder",
  body: new Uint8Array(),
  timeoutMs: 10_000,
  sagaId: "a",
  idempotencyKey: "a/createOrder",
  retriable: false,
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

function checked(config: ConfigInput): Config {
  return checkConfig(config, { upstreams: [] });
}

async function start(upstreamOptions: UpstreamOptions) {
  const upstreams = await startBookingUpstreams(scope);
  const sagas = createSagas({ services: [bookingService], config: upstreams.config, upstreamOptions });
  scope.defer(() => sagas.stop());
  await sagas.start();
  return { ...upstreams, sagas };
}

describe("metadata", () => {
  test("is added to each attempt, and replaces no key of protosaga", async () => {
    const { sagas, orders, payments } = await start({
      metadata: async ({ service, sagaId }) => ({ authorization: `${service} ${sagaId}`, "x-request-id": "mine" }),
    });
    await sagas.run(handleSyncBooking, request, { requestId: "a" });
    expect(orders.calls[0]?.metadata).toMatchObject({ authorization: "pb.OrderService a", "x-request-id": "a" });
    expect(payments.calls[0]?.metadata).toMatchObject({ authorization: "pb.PaymentService a" });
  });

  test.each<[string, NonNullable<UpstreamOptions["metadata"]>, RegExp]>([
    ["fails", () => Promise.reject(new Error("no token")), /: no token$/],
    ["is not valid", () => ({ "no key": "" }), /: Metadata key "no key"/],
    ["does not come", () => new Promise(() => {}), /: it took longer than 50 ms$/],
  ])("that %s makes the attempt UNAVAILABLE, without a call", async (_, metadata, message) => {
    const { config, orders } = await startBookingUpstreams(scope);
    const made = scope.use(createUpstreams(checked(config), { metadata }));
    expect(await made.call({ ...call, timeoutMs: 50 })).toEqual({
      ok: false,
      code: status.UNAVAILABLE,
      message: expect.stringMatching(message),
    });
    expect(orders.calls).toEqual([]);
  });
});

describe("interceptors", () => {
  test("see each call, and its bytes", async () => {
    const seen: unknown[] = [];
    const spy: Interceptor = (options, next) =>
      new InterceptingCall(next(options), {
        start: (metadata, _, start) => {
          metadata.set("seen-by", "spy");
          start(metadata, {
            onReceiveMessage: (message: unknown, pass) => {
              seen.push([options.method_definition.path, Buffer.isBuffer(message)]);
              pass(message);
            },
          });
        },
      });
    const { sagas, orders } = await start({ interceptors: [spy] });
    expect(await sagas.run(handleSyncBooking, request)).toMatchObject({ OrderID: 1n, PaymentID: 2n });
    expect(seen).toEqual([
      ["/pb.OrderService/CreateOrder", true],
      ["/pb.PaymentService/CreatePayment", true],
    ]);
    expect(orders.calls[0]?.metadata).toMatchObject({ "seen-by": "spy" });
  });

  test("change nothing about failures: the upstream's, one that is not there, a deadline", async () => {
    const passing: Interceptor = (options, next) => new InterceptingCall(next(options));
    const { config, orders } = await startBookingUpstreams(scope);
    const both = [{ interceptors: [passing] }, {}].map((options) =>
      scope.use(createUpstreams(checked(config), options)),
    );
    const outcomes = () => Promise.all(both.map((upstreams) => upstreams.call({ ...call, timeoutMs: 500 })));
    orders.plan("createOrder", { fail: { code: status.INTERNAL, message: "broken" }, times: 2 });
    const broken = { ok: false, code: status.INTERNAL, message: "broken" };
    expect(await outcomes()).toEqual([broken, broken]);
    orders.plan("createOrder", { hang: true, times: 2 });
    const late = { ok: false, code: status.DEADLINE_EXCEEDED };
    expect(await outcomes()).toMatchObject([late, late]);
    await orders.close();
    const unreached = {
      ok: false,
      code: status.UNAVAILABLE,
      message: expect.stringMatching(/^pb.OrderService gave no answer: /),
    };
    expect(await outcomes()).toMatchObject([unreached, unreached]);
  });

  test("that throw end the call as INTERNAL", async () => {
    const broken: Interceptor = () => {
      throw new Error("oops");
    };
    const { config } = await startBookingUpstreams(scope);
    const upstreams = scope.use(createUpstreams(checked(config), { interceptors: [broken] }));
    const outcome = { ok: false, code: status.INTERNAL, message: expect.stringContaining("oops") };
    expect(await upstreams.call(call)).toEqual(outcome);
  });
});

test("credentials of a service are used instead of the configured ones, and options go to the channel", async () => {
  const { ca, issue } = createAuthority(scope.tempDir());
  const { cert, key } = issue("upstream");
  const server = new Server();
  scope.defer(() => server.forceShutdown());
  const agents: unknown[] = [];
  const bytes = (value: Buffer) => value;
  const createOrder = {
    path: call.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const;
  server.addService(
    { createOrder },
    {
      createOrder(received: { metadata: { get(key: string): unknown[] } }, reply: (error: null, body: Buffer) => void) {
        agents.push(received.metadata.get("user-agent")[0]);
        reply(null, Buffer.from(CreateOrderResponse.encode(CreateOrderResponse.fromPartial({ orderId: 1n })).finish()));
      },
    },
  );
  const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) => (error === null ? resolve(bound) : reject(error));
    server.bindAsync("localhost:0", ServerCredentials.createSsl(null, [pair]), done);
  });
  const address = `localhost:${port}`;
  const asked: string[] = [];
  const upstreams = scope.use(
    createUpstreams(checked({ upstreams: { "pb.OrderService": { address }, "pb.PaymentService": { address } } }), {
      credentials(service) {
        asked.push(service);
        return service === "pb.OrderService" ? credentials.createSsl(readFileSync(ca)) : undefined;
      },
      channelOptions: { "grpc.primary_user_agent": "booking" },
    }),
  );
  expect(await upstreams.call(call)).toMatchObject({ ok: true });
  expect(agents).toEqual([expect.stringMatching(/^booking /)]);
  expect(asked).toEqual(["pb.OrderService", "pb.PaymentService"]);
  expect(await upstreams.call({ ...call, service: "pb.PaymentService" }), "in plaintext").toMatchObject({ ok: false });
});
