import { join } from "node:path";
import { credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { describe, expect, expectTypeOf, test } from "vitest";
import { handleAsyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-async-booking.js";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import {
  type BookingASyncResponse,
  BookingRequest,
  BookingServiceClient,
  type BookingSyncResponse,
} from "../../generated/pb/booking/booking.js";
import { CreateOrderResponse } from "../../generated/pb/booking/order.js";
import { CreatePaymentResponse } from "../../generated/pb/booking/payment.js";
import {
  type AttemptRef,
  type SagaHooks,
  systemClock,
  type UpstreamCall,
  type Upstreams,
} from "../../runtime/engine/ports.js";
import { createSagas, type SagasOptions } from "../../runtime/grpc/sagas.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { startBookingUpstreams } from "../support/booking-upstreams.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { book } from "./support/booking-server.js";

const scope = createScope();
const request = BookingRequest.fromPartial({ ProductID: 1n, Count: 1n });
const refused = { ...request, FaultInject: true };

/** Sagas of the booking service in this process, and their upstreams. */
async function start(options: Partial<SagasOptions> = {}) {
  const upstreams = await startBookingUpstreams(scope);
  const config = { ...upstreams.config, ...options.config };
  const sagas = createSagas({ services: [bookingService], ...options, config });
  scope.defer(() => sagas.stop());
  await sagas.start();
  return { ...upstreams, sagas };
}

/** Lines that were logged, by their level. */
function recordingLog() {
  const lines: { readonly level: string; readonly about: object; readonly message: string }[] = [];
  const at = (level: string) => (about: object, message: string) => lines.push({ level, about, message });
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

describe("run", () => {
  test("returns the response, typed by the facade; the same one for the same id", async () => {
    const { sagas, ledgers } = await start();
    const response = await sagas.run(handleSyncBooking, request, { requestId: "a" });
    expectTypeOf(response).toEqualTypeOf<BookingSyncResponse>();
    expect(response).toEqual({ RequestID: "a", OrderID: 1n, PaymentID: 2n });
    expect(await sagas.run(handleSyncBooking, request, { requestId: "a" })).toEqual(response);
    expect(ledgers().orders.entries).toHaveLength(1);
    // @ts-expect-error a request of another type
    await expect(sagas.run(handleSyncBooking, { orderId: 1n })).rejects.toBeDefined();
  });

  test("creates an id for a request without one", async () => {
    const { sagas } = await start();
    const { RequestID: one } = await sagas.run(handleSyncBooking, request);
    const { RequestID: other } = await sagas.run(handleSyncBooking, request);
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(other).not.toBe(one);
  });

  test("returns for an async facade once its saga is accepted", async () => {
    const { sagas, payments, ledgers } = await start();
    let letGo = () => {};
    payments.plan("createPayment", { hold: new Promise<void>((resolve) => (letGo = resolve)) });
    const response = await sagas.run(handleAsyncBooking, request, { requestId: "a" });
    expectTypeOf(response).toEqualTypeOf<BookingASyncResponse>();
    expect(response).toEqual({ RequestID: "a" });
    expect(ledgers().payments.entries).toEqual([]);
    letGo();
    await until(() => ledgers().payments.entries.length === 1);
  });

  test("rejects with the status, reason, saga and step of a saga that failed", async () => {
    const { sagas } = await start();
    await expect(sagas.run(handleSyncBooking, refused, { requestId: "a" })).rejects.toMatchObject({
      name: "SagaRunError",
      message: "SAGA_STEP_FAILED: payment refused: fault_inject is set",
      status: status.INVALID_ARGUMENT,
      reason: "SAGA_STEP_FAILED",
      sagaId: "a",
      step: "createPayment",
    });
  });

  test.each([
    ["SAGA_REQUEST_ID_TAKEN", "a", { ...request, Count: 2n }, status.ALREADY_EXISTS],
    ["SAGA_REQUEST_ID_INVALID", "a b", request, status.INVALID_ARGUMENT],
    ["SAGA_REQUEST_ID_MISSING", "", request, status.INVALID_ARGUMENT],
    ["SAGA_REQUEST_MALFORMED", "b", { ...request, Count: 2n ** 70n }, status.INVALID_ARGUMENT],
  ])("rejects with %s", async (reason, requestId, sent, code) => {
    const { sagas } = await start();
    await sagas.run(handleSyncBooking, request, { requestId: "a" });
    await expect(sagas.run(handleSyncBooking, sent, { requestId })).rejects.toMatchObject({ reason, status: code });
  });

  test("stops waiting when its signal aborts, and the saga continues", async () => {
    const { sagas, orders, payments, ledgers } = await start();
    let letGo = () => {};
    payments.plan("createPayment", { hold: new Promise<void>((resolve) => (letGo = resolve)) });
    const hangUp = new AbortController();
    const running = sagas.run(handleSyncBooking, request, { requestId: "a", signal: hangUp.signal });
    await until(() => payments.calls.length === 1);
    hangUp.abort(new Error("the browser is gone"));
    await expect(running).rejects.toThrow("the browser is gone");
    letGo();
    await until(() => ledgers().payments.entries.length === 1);
    expect(await sagas.run(handleSyncBooking, request, { requestId: "a" })).toMatchObject({ PaymentID: 2n });

    const { signal } = hangUp;
    const called = orders.calls.length;
    await expect(sagas.run(handleSyncBooking, request, { signal })).rejects.toThrow("the browser is gone");
    expect(orders.calls, "nothing was started").toHaveLength(called);
  });

  test("rolls the saga back at its deadline", async () => {
    const { sagas, payments, ledgers } = await start();
    payments.plan("createPayment", { hang: true, effect: true, times: Number.POSITIVE_INFINITY });
    await expect(sagas.run(handleSyncBooking, request, { deadlineMs: 500 })).rejects.toMatchObject({
      status: status.DEADLINE_EXCEEDED,
    });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
  });

  test("joins the trace of the request's headers", async () => {
    const { sagas, orders } = await start();
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const headers = { accept: "*/*", traceparent: `00-${trace}-b7ad6b7169203331-01` };
    await sagas.run(handleSyncBooking, request, { metadata: headers });
    expect(orders.calls[0]?.metadata.traceparent).toMatch(new RegExp(`^00-${trace}-`));
  });

  test("knows the facade where topics have a prefix, and refuses one of other services", async () => {
    const { sagas, config } = await start({ config: { topic_prefix: "test." } });
    expect(await sagas.run(handleSyncBooking, request)).toMatchObject({ OrderID: 1n });
    const { handleSyncBooking: _, ...facades } = bookingService.facades;
    const services = [{ ...bookingService, facades }];
    await expect(createSagas({ services, config }).run(handleSyncBooking, request)).rejects.toMatchObject({
      code: "SAGA_DEFINITION_INVALID",
    });
  });
});

describe("the life of the sagas", () => {
  test("before the start, and after the drain, calls are refused", async () => {
    const { config } = await startBookingUpstreams(scope);
    const sagas = createSagas({ services: [bookingService], config });
    const server = new Server();
    sagas.addTo(server);
    const port = await new Promise<number>((resolve, reject) => {
      const done = (error: Error | null, bound: number) => (error === null ? resolve(bound) : reject(error));
      server.bindAsync("localhost:0", ServerCredentials.createInsecure(), done);
    });
    scope.defer(() => server.forceShutdown());
    const client = scope.use(new BookingServiceClient(`localhost:${port}`, credentials.createInsecure()));
    const early = { code: status.UNAVAILABLE, info: { reason: "SAGA_NOT_STARTED" } };
    expect(await book(client, { "x-request-id": "a" })).toMatchObject(early);
    await expect(sagas.run(handleSyncBooking, request)).rejects.toMatchObject({ reason: "SAGA_NOT_STARTED" });
    expect(() => sagas.operator).toThrow("SAGA_NOT_STARTED");

    await Promise.all([sagas.start(), sagas.start()]);
    expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: status.OK });
    expect(await sagas.drain()).toBe(0);
    const late = { code: status.UNAVAILABLE, info: { reason: "SAGA_DRAINING" } };
    expect(await book(client, { "x-request-id": "b" })).toMatchObject(late);
    await Promise.all([sagas.stop(), sagas.stop()]);
    await expect(sagas.run(handleSyncBooking, request)).rejects.toMatchObject({ status: status.UNAVAILABLE });
  });

  test("sagas that stop continue at the next start", async () => {
    const { sagas, config, payments, ledgers } = await start();
    payments.plan("createPayment", { hang: true });
    await sagas.run(handleAsyncBooking, request, { requestId: "a" });
    await until(() => payments.calls.length === 1);
    await sagas.stop();
    const next = createSagas({ services: [bookingService], config });
    scope.defer(() => next.stop());
    await next.start();
    await until(() => ledgers().payments.entries.length === 1);
  });

  test("a start that fails closes what it opened, and so does a stop without a start", async () => {
    const { config } = await startBookingUpstreams(scope);
    const ca = join(scope.tempDir(), "none.pem");
    const upstreams = {
      ...config.upstreams,
      "pb.OrderService": { address: "localhost:1", tls: { enabled: true, ca } },
    };
    const broken = createSagas({ services: [bookingService], config, upstreams });
    await expect(broken.start()).rejects.toMatchObject({ code: "SAGA_CONFIG_INVALID" });
    await broken.stop();
    const sagas = createSagas({ services: [bookingService], config });
    scope.defer(() => sagas.stop());
    await sagas.start();
    const unused = createSagas({ services: [bookingService], config });
    await unused.stop();
    await expect(unused.start()).rejects.toMatchObject({ code: "SAGA_DRAINING" });
  });
});

describe("pieces", () => {
  test("a journal and upstreams of the program are used, and closed at the stop", async () => {
    const file = join(scope.tempDir(), "own.db");
    const journal = openSqliteJournal(file);
    const calls: UpstreamCall[] = [];
    let closed = 0;
    const upstreams: Upstreams = {
      async call(call) {
        calls.push(call);
        const body = call.path.endsWith("CreateOrder")
          ? CreateOrderResponse.encode(CreateOrderResponse.fromPartial({ orderId: 7n })).finish()
          : CreatePaymentResponse.encode(CreatePaymentResponse.fromPartial({ paymentId: 8n })).finish();
        return { ok: true, body };
      },
      close: () => closed++,
    };
    const { logger } = recordingLog();
    const sagas = createSagas({ services: [bookingService], journal, upstreams, logger });
    await sagas.start();
    expect(await sagas.run(handleSyncBooking, request)).toMatchObject({ OrderID: 7n, PaymentID: 8n });
    expect(calls.map(({ service }) => service)).toEqual(["pb.OrderService", "pb.PaymentService"]);
    await sagas.stop();
    expect(closed).toBe(1);
    openSqliteJournal(file).close();
  });

  test("sections of the configuration may be separate options; their errors are reported together", () => {
    const journal = { kind: "postgres" as const, postgres: { pool_size: 0 } };
    const create = () => createSagas({ services: [bookingService], journal, config: { listen: "nowhere" } });
    expect(create).toThrow(/journal\.postgres\.pool_size[\s\S]*upstreams\["pb\.OrderService"\]/);
  });

  test("a logger of four methods gets the log lines", async () => {
    const { lines, logger } = recordingLog();
    const { sagas } = await start({ logger });
    await sagas.run(handleSyncBooking, refused, { requestId: "a" }).catch(() => {});
    expect(lines).toContainEqual({
      level: "info",
      about: expect.objectContaining({ saga: "a", step: "createPayment", reason: "SAGA_STEP_FAILED" }),
      message: "saga failed: payment refused: fault_inject is set",
    });
  });
});

describe("hooks", () => {
  const facade = "pb.BookingService/HandleSyncBooking";

  function recordingHooks() {
    const seen: unknown[] = [];
    const attempt = ({ step, kind, attempt, sagaId }: AttemptRef) => `${sagaId} ${step} ${kind} ${attempt}`;
    const hooks: SagaHooks = {
      sagaStarted: ({ sagaId, facade }) => seen.push(["started", sagaId, facade]),
      sagaEnded: ({ sagaId, facade, outcome }) => seen.push([outcome, sagaId, facade]),
      sagaStuck: ({ sagaId, facade, steps }) => seen.push(["stuck", sagaId, facade, ...steps]),
      attemptStarted: (one) => seen.push(["call", attempt(one)]),
      attemptEnded({ status, durationMs, ...one }) {
        expect(durationMs).toBeGreaterThanOrEqual(0);
        seen.push(["answer", attempt(one), status]);
      },
    };
    return { seen, hooks };
  }

  test("see a saga start, each attempt, and the end", async () => {
    const { seen, hooks } = recordingHooks();
    const { sagas, orders } = await start({ hooks });
    orders.plan("createOrder", { fail: { code: status.UNAVAILABLE } });
    await sagas.run(handleSyncBooking, request, { requestId: "a" });
    await until(() => seen.length === 8);
    expect(seen).toEqual([
      ["started", "a", facade],
      ["call", "a createOrder step 1"],
      ["answer", "a createOrder step 1", status.UNAVAILABLE],
      ["call", "a createOrder step 2"],
      ["answer", "a createOrder step 2", status.OK],
      ["call", "a createPayment step 1"],
      ["answer", "a createPayment step 1", status.OK],
      ["completed", "a", facade],
    ]);
    await sagas.run(handleSyncBooking, request, { requestId: "a" });
    expect(seen, "a repeated call starts nothing").toHaveLength(8);
  });

  test("see a compensation", async () => {
    const { seen, hooks } = recordingHooks();
    const { sagas } = await start({ hooks });
    await sagas.run(handleSyncBooking, refused, { requestId: "a" }).catch(() => {});
    await until(() => seen.length === 8);
    expect(seen.slice(5)).toEqual([
      ["call", "a createOrder compensation 1"],
      ["answer", "a createOrder compensation 1", status.OK],
      ["compensated", "a", facade],
    ]);
  });

  test("see a saga that is stuck, and its end once an operator acted", async () => {
    const { seen, hooks } = recordingHooks();
    // Waits between attempts take no time.
    const { sagas, orders } = await start({ hooks, clock: { ...systemClock, random: () => 0 } });
    orders.plan("cancelOrder", { fail: { code: status.INTERNAL }, times: 20 });
    await sagas.run(handleSyncBooking, refused, { requestId: "a" }).catch(() => {});
    await until(() => seen.length === 5 + 2 * 20 + 1);
    expect(seen.at(-1)).toEqual(["stuck", "a", facade, "createOrder"]);
    await sagas.operator.retry({ sagaId: "a", step: "createOrder", who: "ann", why: "repaired" });
    await until(() => seen.length === 5 + 2 * 21 + 2);
    expect(seen.at(-1)).toEqual(["compensated", "a", facade]);
  });

  test("that throw are logged as errors once, and change nothing", async () => {
    const { lines, logger } = recordingLog();
    const attemptStarted = () => {
      throw new Error("oops");
    };
    const { sagas } = await start({ logger, hooks: { attemptStarted } });
    expect(await sagas.run(handleSyncBooking, request)).toMatchObject({ OrderID: 1n });
    const errors = lines.filter(({ level }) => level === "error");
    expect(errors).toEqual([
      {
        level: "error",
        about: { hook: "attemptStarted", err: new Error("oops") },
        message: "lifecycle hook threw an error",
      },
    ]);
  });
});
