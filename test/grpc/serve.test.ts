import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { book, ended, startBookingServer } from "./support/booking-server.js";
import { callRaw, reflect } from "./support/raw-call.js";

const scope = createScope();

test("an async facade answers the request id, and then books", async () => {
  const { client, ledgers } = await startBookingServer(scope);
  const request = BookingRequest.fromPartial({ ProductID: 1n });
  const call = callUnary(client, client.handleAsyncBooking, request, { "x-request-id": "a" });
  expect(await ended(call)).toMatchObject({ code: status.OK, response: { RequestID: "a" } });
  await until(() => ledgers().payments.entries.length === 1);
  expect(ledgers().orders.entries).toMatchObject([{ requestId: "a", status: "created" }]);
});

describe("reflection", () => {
  test.each(["v1", "v1alpha"] as const)(
    "%s names the service and resolves its messages and our details",
    async (version) => {
      const { client } = await startBookingServer(scope);
      const listed = await reflect(client, version, { listServices: "" });
      expect(listed.listServicesResponse?.service.map(({ name }) => name)).toContain("pb.BookingService");

      for (const symbol of [
        "pb.BookingRequest",
        "pb.BookingService",
        "google.rpc.ErrorInfo",
        "saga.v1.FacadeOptions",
      ]) {
        const found = await reflect(client, version, { fileContainingSymbol: symbol });
        const files = found.fileDescriptorResponse?.fileDescriptorProto ?? [];
        const names = files.flatMap((bytes) => {
          const file = fromBinary(FileDescriptorProtoSchema, bytes);
          return [...file.messageType, ...file.service].map(({ name }) => `${file.package}.${name}`);
        });
        expect(names).toContain(symbol);
      }
      expect((await reflect(client, version, { fileContainingSymbol: "pb.Nothing" })).errorResponse?.errorCode).toBe(
        status.NOT_FOUND,
      );
    },
  );
});

describe("health", () => {
  const path = "/grpc.health.v1.Health/Check";
  const serving = Buffer.from([0x08, 1]);
  const notServing = Buffer.from([0x08, 2]);
  const named = (name: string) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);

  test("SERVING, as a whole and for the service; an unknown service is NOT_FOUND", async () => {
    const { client } = await startBookingServer(scope);
    expect(await callRaw(client, path, named(""))).toEqual(serving);
    expect(await callRaw(client, path, named("pb.BookingService"))).toEqual(serving);
    await expect(callRaw(client, path, named("pb.Nothing"))).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test("draining: NOT_SERVING, no new sagas, the running one is answered, and recorded answers are served", async () => {
    const server = await startBookingServer(scope);
    const { client, payments } = server;
    const recorded = await book(client, { "x-request-id": "done" });
    let open = () => {};
    payments.plan("createPayment", { hold: new Promise<void>((resolve) => (open = resolve)) });
    const running = book(client, { "x-request-id": "a" });
    await until(() => payments.calls.length === 2);

    const closed = server.close();
    expect(await callRaw(client, path, named(""))).toEqual(notServing);
    expect(await callRaw(client, path, named("pb.BookingService"))).toEqual(notServing);
    expect(await book(client, { "x-request-id": "b" })).toMatchObject({
      code: status.UNAVAILABLE,
      info: { reason: "SAGA_DRAINING", metadata: { saga_id: "b" } },
    });
    expect(await book(client, { "x-request-id": "done" })).toEqual(recorded);
    open();
    expect(await running).toMatchObject({ code: status.OK, response: { RequestID: "a" } });
    expect(await closed).toBe(0);
  });
});
