import { readFileSync } from "node:fs";
import { credentials, ServerCredentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { startPlainServer } from "../../examples/plain-server/server.js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { createAuthority } from "../grpc/support/authority.js";
import { book } from "../grpc/support/booking-server.js";
import { callRaw } from "../grpc/support/raw-call.js";
import { connectSagaClient } from "../grpc/support/saga-client.js";
import { startBookingUpstreams } from "../support/booking-upstreams.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("a program's own grpc-js server serves facades, SagaService and health", async () => {
  const { config } = await startBookingUpstreams(scope);
  const server = scope.use(await startPlainServer({ config }));
  const address = `localhost:${server.port}`;
  const client = scope.use(new BookingServiceClient(address, credentials.createInsecure()));
  expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: status.OK, response: { OrderID: 1n } });
  expect(await connectSagaClient(scope, address).get("a")).toMatchObject({ requestId: "a" });
  expect(await callRaw(client, "/grpc.health.v1.Health/Check", new Uint8Array())).toEqual(Buffer.from([0x08, 1]));
});

test("the same over TLS with client certificates", async () => {
  const { config } = await startBookingUpstreams(scope);
  const { ca, issue } = createAuthority(scope.tempDir());
  const [own, visitor] = [issue("server"), issue("visitor")];
  const pair = { cert_chain: readFileSync(own.cert), private_key: readFileSync(own.key) };
  const seen: unknown[] = [];
  const server = scope.use(
    await startPlainServer(
      {
        config,
        authorize: ({ authContext }) => seen.push(authContext.sslPeerCertificate?.subject.CN) > 0,
      },
      ServerCredentials.createSsl(readFileSync(ca), [pair], true),
    ),
  );
  const [root, key, cert] = [ca, visitor.key, visitor.cert].map((file) => readFileSync(file));
  const client = scope.use(
    new BookingServiceClient(`localhost:${server.port}`, credentials.createSsl(root, key, cert)),
  );
  expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: status.OK });
  expect(seen).toEqual(["visitor"]);
});
