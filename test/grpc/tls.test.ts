import { readFileSync } from "node:fs";
import { credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { openOrderService } from "../../examples/booking/upstream/order-service.js";
import { openPaymentService } from "../../examples/booking/upstream/payment-service.js";
import type { Upstream } from "../../examples/booking/upstream/shared/upstream.js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { createScope } from "../support/scope.js";
import { createAuthority, type Pair } from "./support/authority.js";
import { book, startBookingServer } from "./support/booking-server.js";

const scope = createScope();

function serveTls(upstream: Upstream, ca: string, { cert, key }: Pair, mutual: boolean): Promise<number> {
  const server = new Server();
  server.addService(upstream.definition, upstream.handlers);
  scope.defer(() => {
    server.forceShutdown();
    upstream.close();
  });
  const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
  const secure = ServerCredentials.createSsl(readFileSync(ca), [pair], mutual);
  return new Promise((resolve, reject) => {
    server.bindAsync("localhost:0", secure, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

test("TLS everywhere: the client sends a certificate, and so does the server if an upstream asks for one", async () => {
  const { ca, issue } = createAuthority(scope.tempDir());
  const [server, visitor, upstream] = [issue("server"), issue("visitor"), issue("upstream")];
  const data = scope.tempDir();
  const orders = await serveTls(openOrderService(data), ca, upstream, true);
  const payments = await serveTls(openPaymentService(data), ca, upstream, false);
  const { address, client: plain } = await startBookingServer(scope, {
    config: {
      listen: "localhost:0",
      data_dir: data,
      log_level: "silent",
      tls: { ...server, client_ca: ca },
      upstreams: {
        "pb.OrderService": { address: `localhost:${orders}`, tls: { enabled: true, ca, ...visitor } },
        "pb.PaymentService": { address: `localhost:${payments}`, tls: { enabled: true, ca } },
      },
    },
  });
  const connect = (...files: string[]) => {
    const [root, key, cert] = files.map((file) => readFileSync(file));
    return scope.use(new BookingServiceClient(address, credentials.createSsl(root, key, cert)));
  };
  const known = connect(ca, visitor.key, visitor.cert);
  expect(await book(known, { "x-request-id": "a" })).toMatchObject({ code: status.OK, response: { OrderID: 1n } });

  const refused = { code: status.UNAVAILABLE, info: undefined };
  expect(await book(connect(ca), { "x-request-id": "b" }), "without a certificate").toMatchObject(refused);
  const { ca: otherCa, issue: issueOther } = createAuthority(scope.tempDir());
  const stranger = issueOther("stranger");
  expect(await book(connect(ca, stranger.key, stranger.cert), { "x-request-id": "c" })).toMatchObject(refused);
  expect(await book(connect(otherCa, visitor.key, visitor.cert), { "x-request-id": "d" })).toMatchObject(refused);
  expect(await book(plain, { "x-request-id": "e" }), "in plaintext").toMatchObject(refused);
});

test("an upstream whose certificate has no trusted authority is not called", async () => {
  const { ca, issue } = createAuthority(scope.tempDir());
  const data = scope.tempDir();
  const port = await serveTls(openOrderService(data), ca, issue("upstream"), false);
  const { client, ledgers } = await startBookingServer(scope, {
    config: {
      listen: "localhost:0",
      data_dir: data,
      log_level: "silent",
      upstreams: {
        "pb.OrderService": {
          address: `localhost:${port}`,
          tls: { enabled: true, ca: createAuthority(scope.tempDir()).ca },
        },
        "pb.PaymentService": { address: "localhost:1" },
      },
    },
  });
  expect(await book(client, { "x-request-id": "a" })).toMatchObject({
    code: status.UNAVAILABLE,
    info: { reason: "SAGA_STEP_FAILED", metadata: { step: "createOrder" } },
  });
  expect(ledgers().orders.entries).toEqual([]);
});
