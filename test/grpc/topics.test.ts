import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest } from "../../generated/pb/booking/booking.js";
import type { Completion } from "../../runtime/engine/messages.js";
import { startServer } from "../../runtime/grpc/server.js";
import { SagaState } from "../../runtime/pb/saga/v1/service.js";
import { callUnary } from "../support/call-unary.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type BookingServer, ended, startBookingServer } from "./support/booking-server.js";
import { connectSagaClient } from "./support/saga-client.js";

const scope = createScope();

function bookAsync({ client }: BookingServer, id: string, request: Partial<BookingRequest> = {}) {
  const whole = BookingRequest.fromPartial({ ProductID: 1n, ...request });
  return ended(callUnary(client, client.handleAsyncBooking, whole, { "x-request-id": id }));
}

function bookThrottled({ client }: BookingServer, id: string, deadline = Date.now() + 20_000) {
  const whole = BookingRequest.fromPartial({ ProductID: 1n });
  return ended(callUnary(client, client.handleThrottledBooking, whole, { "x-request-id": id }, { deadline }));
}

/** A fault that lasts until the test ends it. */
function held() {
  let open = () => {};
  const hold = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { fault: { hold }, open: () => open() };
}

test("above the limit a call is refused at once with RESOURCE_EXHAUSTED; accepted sagas are done", async () => {
  const server = await startBookingServer(scope, { config: { queue_limit: { async: 2, throttled: 1 } } });
  const gate = held();
  server.orders.plan("createOrder", { ...gate.fault, times: 3 });
  expect(await bookAsync(server, "a")).toMatchObject({ code: status.OK });
  expect(await bookAsync(server, "b")).toMatchObject({ code: status.OK });
  const waiting = bookThrottled(server, "t");
  await until(() => server.orders.callsOf("createOrder").length === 3);
  for (const refused of [await bookAsync(server, "c"), await bookThrottled(server, "u")]) {
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, info: { reason: "SAGA_QUEUE_FULL" } });
  }
  gate.open();
  expect(await waiting).toMatchObject({ code: status.OK });
  await until(() => server.ledgers().payments.entries.length === 3);
  expect(
    server
      .ledgers()
      .orders.entries.map(({ requestId }) => requestId)
      .sort(),
  ).toEqual(["a", "b", "t"]);
});

test("a throttled client's deadline is its saga's", async () => {
  const server = await startBookingServer(scope, { config: { topic_concurrency: 1 } });
  const gate = held();
  server.orders.plan("createOrder", gate.fault);
  const first = bookThrottled(server, "a");
  await until(() => server.orders.calls.length === 1);
  expect(await bookThrottled(server, "b", Date.now() + 200)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  gate.open();
  expect(await first).toMatchObject({ code: status.OK });
  // Called again, it returns the saga's own end.
  expect(await bookThrottled(server, "b")).toMatchObject({
    code: status.DEADLINE_EXCEEDED,
    info: { reason: "SAGA_DEADLINE_EXCEEDED" },
  });
  expect(server.orders.callsOf("createOrder"), "nothing was called for it").toHaveLength(1);
});

test("an async saga is watched to its end", async () => {
  const server = await startBookingServer(scope);
  const gate = held();
  server.payments.plan("createPayment", { ...gate.fault, fail: { code: status.FAILED_PRECONDITION, message: "no" } });
  await bookAsync(server, "a");
  const watch = connectSagaClient(scope, server.address).watch("a");
  await until(() => watch.states.length > 0);
  gate.open();
  expect(await watch.over).toMatchObject({ code: status.OK });
  const states = watch.states.map(({ state }) => state);
  expect([...new Set(states)]).toEqual([
    SagaState.SAGA_STATE_RUNNING,
    SagaState.SAGA_STATE_ROLLING_BACK,
    SagaState.SAGA_STATE_COMPENSATED,
  ]);
  expect(watch.states.at(-1)).toMatchObject({ failedStep: "createPayment", response: undefined });
});

describe("draining", () => {
  test("leaves async sagas that wait for a slot to the next start, and finishes calls in flight", async () => {
    const data_dir = scope.tempDir();
    const config = { data_dir, topic_concurrency: 1 };
    const server = await startBookingServer(scope, { config });
    const gate = held();
    server.orders.plan("createOrder", gate.fault);
    for (const id of ["a", "b", "c"]) {
      await bookAsync(server, id);
    }
    await until(() => server.orders.calls.length === 1);
    const closed = server.close();
    gate.open();
    expect(await closed).toBe(0);
    expect(server.orders.callsOf("createOrder"), "no new call began").toHaveLength(1);
    const next = await startBookingServer(scope, { config });
    await until(() => next.payments.callsOf("createPayment").length === 3);
    expect(next.orders.callsOf("createOrder"), "the first one's order was made before").toHaveLength(2);
  });

  test("finishes throttled sagas, whose clients wait", async () => {
    const server = await startBookingServer(scope, { config: { topic_concurrency: 1 } });
    const gate = held();
    server.orders.plan("createOrder", gate.fault);
    const answers = ["a", "b", "c"].map((id) => bookThrottled(server, id));
    await until(() => server.orders.calls.length === 1);
    const closed = server.close();
    gate.open();
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await closed).toBe(0);
  });
});

describe("the completion topic", () => {
  test("reports each ended saga to the program", async () => {
    const completions: Completion[] = [];
    const onCompletion = async (completion: Completion) => void completions.push(completion);
    const server = await startBookingServer(scope, { onCompletion, config: { completion_topic: "done" } });
    await bookThrottled(server, "t");
    await bookAsync(server, "f", { FaultInject: true });
    await until(() => completions.length === 2);
    expect(completions).toEqual([
      {
        request_id: "t",
        facade: "pb.BookingService/HandleThrottledBooking",
        state: "COMPLETED",
        response: { RequestID: "t", OrderID: "1", PaymentID: "2" },
      },
      {
        request_id: "f",
        facade: "pb.BookingService/HandleAsyncBooking",
        state: "COMPENSATED",
        failure: expect.objectContaining({ status: "INVALID_ARGUMENT", step: "createPayment" }),
      },
    ]);
  });

  test("is delivered again after a failure, even if the observer throws", async () => {
    const ids: string[] = [];
    let failures = 0;
    const server = await startBookingServer(scope, {
      config: { completion_topic: "done" },
      async onCompletion({ request_id }) {
        ids.push(request_id);
        if (ids.length === 1) throw new Error("not now");
      },
      observer: {
        failed() {
          failures++;
          throw new Error("a metric without a name");
        },
      },
    });
    await bookThrottled(server, "t");
    await until(() => ids.length === 2);
    expect(ids).toEqual(["t", "t"]);
    expect(failures).toBe(1);
  });

  const upstreams = { "pb.OrderService": { address: "localhost:1" }, "pb.PaymentService": { address: "localhost:1" } };
  const onCompletion = async () => {};
  test.each([
    ["nothing reads it on the embedded broker", { completion_topic: "done" }, {}],
    ["completion_topic is not set", {}, { onCompletion }],
    ["has the topic create_order", { completion_topic: "create_order" }, { onCompletion }],
    ["has the topic create.order, or one that differs", { completion_topic: "create.order" }, { onCompletion }],
  ])("is refused at start where %s", async (text, config, options) => {
    const data_dir = scope.tempDir();
    const start = startServer({
      services: [bookingService],
      config: { listen: "localhost:0", data_dir, upstreams, ...config },
      ...options,
    });
    await expect(start).rejects.toMatchObject({ code: "SAGA_CONFIG_INVALID", message: expect.stringContaining(text) });
  });
});

test("a limit for an unknown topic is refused at the start, with the known topics", async () => {
  const start = startBookingServer(scope, { config: { topics: { create_ordr: { concurrency: 1 } } } });
  await expect(start).rejects.toMatchObject({
    code: "SAGA_CONFIG_INVALID",
    message: expect.stringContaining('topics["create_ordr"]: no step has this topic; known topics: create_order'),
  });
});
