import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import { configSchema } from "../../runtime/config/schema.js";
import { createUpstreams } from "../../runtime/grpc/upstreams.js";
import { readSaga } from "../engine/support/journal-file.js";
import { startFaultyOrderService } from "../support/faulty-upstream.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { book, startBookingServer } from "./support/booking-server.js";
import { callRaw } from "./support/raw-call.js";

const scope = createScope();
const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

describe("an upstream call's metadata", () => {
  test("the saga id, a key for each step and direction, and the client's trace with a new span", async () => {
    const { client, orders, payments, ledgers } = await startBookingServer(scope);
    const traceparent = `00-${trace}-${span}-01`;
    await book(client, { "x-request-id": "a", traceparent }, { FaultInject: true });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
    const calls = [...orders.calls, ...payments.calls];
    expect(calls.map(({ method, metadata }) => [method, metadata["idempotency-key"]])).toEqual([
      ["createOrder", "a/createOrder"],
      ["cancelOrder", "a/createOrder/compensate"],
      ["createPayment", "a/createPayment"],
    ]);
    const spans = calls.map(({ metadata }) => {
      expect(metadata["x-request-id"]).toBe("a");
      const [version, id, own, flags] = (metadata.traceparent ?? "").split("-");
      expect([version, id, flags]).toEqual(["00", trace, "01"]);
      return own;
    });
    expect(spans).not.toContain(span);
    expect(new Set(spans).size, "each call has its own span").toBe(3);
  });

  test("whether it is repeated until it succeeds", async () => {
    const orders = scope.use(await startFaultyOrderService({ address: "localhost:0", data: scope.tempDir() }));
    const { upstreams: configured } = configSchema.parse({
      upstreams: { "pb.OrderService": { address: `localhost:${orders.port}` } },
    });
    const upstreams = createUpstreams({ upstreams: configured });
    scope.defer(() => upstreams.close());
    const call = {
      service: "pb.OrderService",
      path: "/pb.OrderService/CreateOrder",
      body: new Uint8Array(),
      timeoutMs: 5_000,
      sagaId: "a",
      traceparent: `00-${trace}-${span}-01`,
    };
    await upstreams.call({ ...call, idempotencyKey: "a/1", retriable: true });
    await upstreams.call({ ...call, idempotencyKey: "a/2", retriable: false });
    expect(orders.calls.map(({ metadata }) => metadata["saga-retriable"])).toEqual(["true", undefined]);
  });

  test.each([
    undefined,
    "",
    "nonsense",
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `ff-${trace}-${span}-01`,
    `00-${trace}-${span}-01-more`,
  ])("a traceparent that is none, %s, is replaced by a trace of the saga's own", async (traceparent) => {
    const { client, orders, payments } = await startBookingServer(scope);
    await book(client, { "x-request-id": "a", ...(traceparent === undefined ? {} : { traceparent }) });
    const seen = [...orders.calls, ...payments.calls].map(({ metadata }) => metadata.traceparent ?? "");
    expect(seen).toHaveLength(2);
    const [first, second] = seen.map((value) => /^00-([0-9a-f]{32})-([0-9a-f]{16})-00$/.exec(value)?.[1]);
    expect(first).toBeDefined();
    expect(first).not.toBe("0".repeat(32));
    expect(second, "one trace for the whole saga").toBe(first);
    expect(first).not.toBe(trace);
  });
});

test("fields that this server does not know stay in the journal's bytes", async () => {
  const { client, journalFile } = await startBookingServer(scope);
  const known = BookingRequest.encode({ ProductID: 7n, Count: 1n, FaultInject: false }).finish();
  const unknown = new Uint8Array([0x9a, 0x06, 0x03, 0x61, 0x62, 0x63]); // field 99: "abc"
  const bytes = Buffer.concat([known, unknown]);
  await callRaw(client, "/pb.BookingService/HandleSyncBooking", bytes, { "x-request-id": "a" });
  expect(Buffer.from(readSaga(journalFile, "a")?.request ?? [])).toEqual(bytes);
});

describe("an upstream that fails", () => {
  test("twice with UNAVAILABLE: three calls, one order, success", async () => {
    const { client, orders, ledgers } = await startBookingServer(scope);
    orders.plan("createOrder", { fail: { code: status.UNAVAILABLE }, times: 2 });
    expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: status.OK, response: { OrderID: 1n } });
    expect(orders.callsOf("createOrder").map(({ code }) => code)).toEqual([14, 14, 0]);
    expect(ledgers().orders.effects).toEqual([{ key: "a/createOrder", method: "create", requestId: "a" }]);
  });

  test("three times after its effect: still one order, which is cancelled", async () => {
    const { client, orders, payments, ledgers } = await startBookingServer(scope);
    orders.plan("createOrder", { effect: true, fail: { code: status.UNAVAILABLE, message: "lost" }, times: 3 });
    expect(await book(client, { "x-request-id": "a" })).toEqual({
      code: status.UNAVAILABLE,
      message: "lost",
      info: {
        reason: "SAGA_STEP_FAILED",
        domain: "protosaga",
        metadata: { saga_id: "a", step: "createOrder" },
      },
    });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
    expect([...ledgers().orders.effectsByKey.values()]).toEqual([1, 1]);
    expect(payments.calls).toEqual([]);
  });

  test("whose answers are lost: DEADLINE_EXCEEDED, and its effects are compensated", async () => {
    const { client, payments, ledgers } = await startBookingServer(scope);
    payments.plan("createPayment", { effect: true, fail: { code: status.DEADLINE_EXCEEDED }, times: 3 });
    expect(await book(client, { "x-request-id": "a" })).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      info: { reason: "SAGA_STEP_FAILED", metadata: { saga_id: "a", step: "createPayment" } },
    });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
    expect(ledgers().orders.entries).toEqual([{ id: 1n, requestId: "a", status: "cancelled" }]);
    expect(ledgers().payments.entries).toEqual([{ id: 2n, requestId: "a", status: "cancelled" }]);
  });

  test("by being unreachable: the message names the service; the upstream's own messages are unchanged", async () => {
    const { client, orders } = await startBookingServer(scope);
    orders.plan("createOrder", { fail: { code: status.UNAVAILABLE, message: "closed for today" }, times: 3 });
    expect((await book(client, { "x-request-id": "a" })).message).toBe("closed for today");
    await orders.close();
    const { code, message } = await book(client, { "x-request-id": "b" });
    expect(code).toBe(status.UNAVAILABLE);
    expect(message).toMatch(/^pb\.OrderService gave no answer: .*ECONNREFUSED/);
    expect(message).not.toContain("Resolution note");
  });

  test("with a refusal: its status and message, where and why", async () => {
    const { client, ledgers } = await startBookingServer(scope);
    expect(await book(client, { "x-request-id": "a" }, { FaultInject: true })).toEqual({
      code: status.INVALID_ARGUMENT,
      message: "payment refused: fault_inject is set",
      info: {
        reason: "SAGA_STEP_FAILED",
        domain: "protosaga",
        metadata: { saga_id: "a", step: "createPayment" },
      },
    });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
    expect(ledgers().payments.entries).toEqual([]);
  });
});

describe("deadlines", () => {
  const { handleSyncBooking } = bookingService.facades;
  const patient = handleSyncBooking && {
    ...handleSyncBooking,
    steps: handleSyncBooking.steps.map((step) => ({ ...step, timeoutMs: 120_000 })),
  };
  const services = [
    { ...bookingService, facades: { ...bookingService.facades, ...(patient && { handleSyncBooking: patient }) } },
  ];

  test("an upstream call has the step's timeout, or the client's deadline if that is earlier", async () => {
    const { client, orders } = await startBookingServer(scope, { services });
    const now = Date.now();
    await book(client, { "x-request-id": "a" }, {}, now + 600_000);
    await book(client, { "x-request-id": "b" }, {}, now + 30_000);
    const [long = 0, short = 0] = orders.callsOf("createOrder").map(({ deadline = 0 }) => deadline - now);
    // With a wide margin, so that a busy machine makes no difference.
    expect(long).toBeGreaterThan(100_000);
    expect(long).toBeLessThan(160_000);
    expect(short).toBeGreaterThan(20_000);
    expect(short).toBeLessThan(60_000);
  });

  test("after the client's deadline the saga is rolled back, even if an upstream hangs", async () => {
    const { client, payments, ledgers, journalFile } = await startBookingServer(scope, { services });
    payments.plan("createPayment", { hang: true, effect: true, times: Number.POSITIVE_INFINITY });
    const told = await book(client, { "x-request-id": "a" }, {}, Date.now() + 1_500);
    expect(told.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => ledgers().orders.entries[0]?.status === "cancelled", { what: "the order to be cancelled" });
    expect(ledgers().payments.entries.every(({ status: now }) => now === "cancelled")).toBe(true);
    await until(() => readSaga(journalFile, "a")?.phase === "compensated");
  });
});
