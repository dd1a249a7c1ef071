import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import type { Authorize, ClientCall } from "../../runtime/grpc/call.js";
import { createScope } from "../support/scope.js";
import { book, startBookingServer } from "./support/booking-server.js";
import { connectSagaClient } from "./support/saga-client.js";

const scope = createScope();

/** A server that lets only calls with the metadata `token: let me in` pass. */
async function startGuarded() {
  const asked: ClientCall[] = [];
  const authorize: Authorize = async (call) => {
    asked.push(call);
    return call.metadata.get("token")[0] === "let me in";
  };
  return { ...(await startBookingServer(scope, { authorize })), asked };
}

const refused = {
  code: status.PERMISSION_DENIED,
  message: "the client may not make this call",
  info: { reason: "SAGA_NOT_AUTHORIZED", domain: "protosaga", metadata: { saga_id: "a" } },
};

describe("authorize", () => {
  test("lets a call of a facade pass, or refuses it before anything is done", async () => {
    const { client, orders, sagas, asked } = await startGuarded();
    expect(await book(client, { "x-request-id": "a", token: "hello" })).toEqual(refused);
    expect(orders.calls).toEqual([]);
    expect(await book(client, { "x-request-id": "a", token: "let me in" }, { Count: 2n })).toMatchObject({
      code: status.OK,
    });
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({
      method: "/pb.BookingService/HandleSyncBooking",
      sagaId: "a",
      peer: expect.stringMatching(/^(127\.0\.0\.1|::1):\d+$/),
      authContext: {},
    });

    await sagas.run(handleSyncBooking, BookingRequest.fromPartial({ ProductID: 1n }));
    expect(asked, "the program may run what it likes").toHaveLength(2);
  });

  test("comes before the check of the request id", async () => {
    const { client, asked } = await startGuarded();
    const { info: _, ...denied } = refused;
    expect(await book(client, { "x-request-id": "a b" })).toMatchObject(denied);
    expect(asked[0]?.sagaId).toBeUndefined();
    expect(await book(client, { token: "let me in" })).toMatchObject({ info: { reason: "SAGA_REQUEST_ID_MISSING" } });
  });

  test("guards SagaService, too", async () => {
    const { address, asked } = await startGuarded();
    const client = connectSagaClient(scope, address);
    expect(await client.ask("a")).toEqual(refused);
    expect(await client.watch("a").over).toEqual(refused);
    expect(asked.map(({ method, sagaId }) => [method, sagaId])).toEqual([
      ["/saga.v1.SagaService/GetSaga", "a"],
      ["/saga.v1.SagaService/WatchSaga", "a"],
    ]);
  });

  test.each<[string, Authorize]>([
    [
      "throws",
      () => {
        throw new Error("the secret is 42");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the secret is 42"))],
    ["returns something else than true", () => JSON.parse("1")],
  ])("refuses if it %s, and keeps the error from the client", async (_, authorize) => {
    const { client, orders } = await startBookingServer(scope, { authorize });
    expect(await book(client, { "x-request-id": "a" })).toEqual(refused);
    expect(orders.calls).toEqual([]);
  });

  test("logs the error that it throws", async () => {
    const warnings: unknown[] = [];
    const ignore = () => {};
    const logger = { debug: ignore, info: ignore, error: ignore, warn: (...line: unknown[]) => warnings.push(line) };
    const err = new Error("the directory is down");
    const { client } = await startBookingServer(scope, { logger, authorize: () => Promise.reject(err) });
    await book(client, { "x-request-id": "a" });
    const rpc = "/pb.BookingService/HandleSyncBooking";
    expect(warnings).toEqual([[{ rpc, saga: "a", err }, "authorize threw an error, the call is refused"]]);
  });
});
