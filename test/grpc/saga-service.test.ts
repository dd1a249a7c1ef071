import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { BookingSyncResponse } from "../../generated/pb/booking/booking.js";
import { CompensationState, SagaState, StepState } from "../../runtime/pb/saga/v1/service.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type BookingServer, book, startBookingServer } from "./support/booking-server.js";
import { connectSagaClient } from "./support/saga-client.js";

const scope = createScope();
const running = SagaState.SAGA_STATE_RUNNING;
const rollingBack = SagaState.SAGA_STATE_ROLLING_BACK;
const completed = SagaState.SAGA_STATE_COMPLETED;
const compensated = SagaState.SAGA_STATE_COMPENSATED;
const stuck = SagaState.SAGA_STATE_STUCK;

async function start() {
  const server = await startBookingServer(scope);
  return { ...server, operator: server.sagas.operator, sagas: connectSagaClient(scope, server.address) };
}

/** Holds an upstream's next call of a method until the test releases it. */
function hold({ orders, payments }: Pick<BookingServer, "orders" | "payments">, method: string): () => void {
  let letGo = () => {};
  const upstream = method.endsWith("Order") ? orders : payments;
  upstream.plan(method, { hold: new Promise<void>((resolve) => (letGo = resolve)) });
  scope.defer(() => letGo());
  return () => letGo();
}

/** A saga whose order can't be cancelled: all attempts that the policy has fail. */
async function startStuck(server: Pick<BookingServer, "orders" | "client">): Promise<void> {
  server.orders.plan("cancelOrder", { fail: { code: status.INTERNAL, message: "out of order" }, times: 20 });
  await book(server.client, { "x-request-id": "s" }, { FaultInject: true });
}

describe("GetSaga", () => {
  test("returns a completed saga, with the response that the client got", async () => {
    const { client, sagas } = await start();
    const before = Date.now();
    const { response } = await book(client, { "x-request-id": "s" });
    const saga = await sagas.get("s");
    expect(saga).toMatchObject({
      requestId: "s",
      facade: "pb.BookingService/HandleSyncBooking",
      state: completed,
      failure: undefined,
      steps: [
        { name: "createOrder", state: StepState.STEP_STATE_DONE, attempts: 1 },
        { name: "createPayment", state: StepState.STEP_STATE_DONE, attempts: 1 },
      ],
      response: { typeUrl: "type.googleapis.com/pb.BookingSyncResponse" },
    });
    expect(BookingSyncResponse.decode(saga.response?.value ?? new Uint8Array())).toEqual(response);
    const times = [before, saga.startTime, saga.steps[1]?.startTime, saga.endTime, Date.now()].map(Number);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(Number(saga.deadline), "the client's").toBeGreaterThan(before + 19_000);
  });

  test("returns why a saga failed, and that it is compensated", async () => {
    const { client, sagas, ledgers } = await start();
    await book(client, { "x-request-id": "s" }, { FaultInject: true });
    await until(() => ledgers().orders.entries[0]?.status === "cancelled");
    const saga = await until(async () => {
      const now = await sagas.get("s");
      return now.state === compensated && now;
    });
    const failure = { code: status.INVALID_ARGUMENT, message: "payment refused: fault_inject is set" };
    expect(saga).toMatchObject({
      failure: { ...failure, reason: "SAGA_STEP_FAILED" },
      failedStep: "createPayment",
      response: undefined,
      steps: [
        { compensation: { state: CompensationState.COMPENSATION_STATE_DONE, attempts: 1 } },
        { state: StepState.STEP_STATE_FAILED, failure },
      ],
    });
  });

  test("an id that is unknown, missing or malformed", async () => {
    const { sagas } = await start();
    const details = (reason: string, metadata: object) => ({ reason, domain: "protosaga", metadata });
    const unknown = {
      code: status.NOT_FOUND,
      message: "the journal has no saga nobody",
      info: details("SAGA_NOT_FOUND", { saga_id: "nobody" }),
    };
    const missing = {
      code: status.INVALID_ARGUMENT,
      message: "missing request_id; send the x-request-id that the saga was started under",
    };
    const malformed = {
      code: status.INVALID_ARGUMENT,
      message: "request_id must have 1 to 128 of the characters A-Z a-z 0-9 . _ : / -",
      info: details("SAGA_REQUEST_ID_INVALID", {}),
    };
    for (const end of [(id: string) => sagas.ask(id), (id: string) => sagas.watch(id).over]) {
      expect(await end("nobody")).toMatchObject(unknown);
      expect(await end("")).toMatchObject({ ...missing, info: { reason: "SAGA_REQUEST_ID_MISSING" } });
      expect(await end("a b")).toMatchObject(malformed);
      expect(await end("a".repeat(129))).toMatchObject(malformed);
      expect(await end("a".repeat(100_000)), "too long for a header").toMatchObject(malformed);
    }
  });
});

describe("WatchSaga", () => {
  test("a saga that runs: its state at once, each change, and the end with the stream", async () => {
    const server = await start();
    const letGo = hold(server, "createPayment");
    const answer = book(server.client, { "x-request-id": "s" });
    await until(() => server.payments.calls.length === 1);
    const { states, over } = server.sagas.watch("s");
    await until(() => states.length === 1);
    expect(states[0]).toMatchObject({
      state: running,
      steps: [{ state: StepState.STEP_STATE_DONE }, { state: StepState.STEP_STATE_CALLING }],
    });
    letGo();
    expect(await over).toEqual({ code: status.OK, message: "", response: undefined });
    expect(states.map(({ state }) => state)).toEqual([running, completed]);
    expect(BookingSyncResponse.decode(states[1]?.response?.value ?? new Uint8Array())).toEqual((await answer).response);
  });

  test("a saga that is rolled back: until it is compensated", async () => {
    const server = await start();
    const letGo = [hold(server, "createPayment"), hold(server, "cancelOrder")];
    const answer = book(server.client, { "x-request-id": "s" }, { FaultInject: true });
    await until(() => server.payments.calls.length === 1);
    const { states, over } = server.sagas.watch("s");
    await until(() => states.length === 1);
    letGo[0]?.();
    await until(() => states.at(-1)?.steps[0]?.compensation?.state === CompensationState.COMPENSATION_STATE_CALLING);
    expect(await answer).toMatchObject({ code: status.INVALID_ARGUMENT });
    letGo[1]?.();
    expect(await over).toMatchObject({ code: status.OK });
    const seen = states.map(({ state }) => state);
    expect(new Set(seen)).toEqual(new Set([running, rollingBack, compensated]));
    expect(seen, "never back").toEqual(seen.toSorted());
    expect(states.at(-1)).toMatchObject({ failedStep: "createPayment", endTime: expect.any(Date) });
  });

  test("a saga that has ended: its state, and the end", async () => {
    const { client, sagas } = await start();
    await book(client, { "x-request-id": "s" });
    const { states, over } = sagas.watch("s");
    expect(await over).toMatchObject({ code: status.OK });
    expect(states).toEqual([await sagas.get("s")]);
  });

  test("a saga that is stuck: the stream stays open until an operator acts", async () => {
    const server = await start();
    await startStuck(server);
    const { states, over } = server.sagas.watch("s");
    await until(() => states.at(-1)?.state === stuck);
    expect(states.at(-1)?.steps[0]?.compensation).toMatchObject({
      state: CompensationState.COMPENSATION_STATE_STUCK,
      attempts: 20,
      failure: { code: status.INTERNAL, message: "out of order" },
    });
    const letGo = hold(server, "cancelOrder");
    await server.operator.retry({ sagaId: "s", step: "createOrder", who: "ann", why: "fixed" });
    await until(() => states.at(-1)?.state === rollingBack);
    letGo();
    expect(await over).toMatchObject({ code: status.OK });
    expect(states.at(-1)?.state).toBe(compensated);
  });

  test("several watch one saga, and one that hangs up does not end the others", async () => {
    const server = await start();
    const letGo = hold(server, "createPayment");
    const answer = book(server.client, { "x-request-id": "s" });
    await until(() => server.payments.calls.length === 1);
    const watches = [1, 2, 3].map(() => server.sagas.watch("s"));
    await until(() => watches.every(({ states }) => states.length === 1));
    watches[0]?.stream.cancel();
    expect(await watches[0]?.over).toMatchObject({ code: status.CANCELLED });
    letGo();
    await answer;
    expect(await watches[1]?.over).toMatchObject({ code: status.OK });
    expect(await watches[2]?.over).toMatchObject({ code: status.OK });
    expect(watches.map(({ states }) => states.at(-1)?.state)).toEqual([running, completed, completed]);
  });
});

describe("a server that drains", () => {
  test("sends watchers the end of its sagas, and ends the other watches", async () => {
    const server = await start();
    await startStuck(server);
    const letGo = hold(server, "createPayment");
    const answer = book(server.client, { "x-request-id": "runs" });
    await until(() => server.payments.calls.length === 2);
    const ofStuck = server.sagas.watch("s");
    const ofRunning = server.sagas.watch("runs");
    await until(() => ofStuck.states.at(-1)?.state === stuck && ofRunning.states.length === 1);

    const closed = server.close();
    expect(await server.sagas.get("runs"), "still returned").toMatchObject({ state: running });
    letGo();
    expect(await answer).toMatchObject({ code: status.OK });
    expect(await ofRunning.over).toMatchObject({ code: status.OK });
    expect(ofRunning.states.at(-1)?.state).toBe(completed);
    expect(await ofStuck.over).toMatchObject({
      code: status.UNAVAILABLE,
      message: "the server is shutting down; watch again",
      info: { reason: "SAGA_DRAINING", metadata: { saga_id: "s" } },
    });
    expect(await closed).toBe(0);
  });

  test("ends the watch of a saga that continues at the next start", async () => {
    const server = await startBookingServer(scope, { config: { shutdown_grace_ms: 1 } });
    const sagas = connectSagaClient(scope, server.address);
    hold(server, "createPayment");
    const answer = book(server.client, { "x-request-id": "s" });
    await until(() => server.payments.calls.length === 1);
    const { states, over } = sagas.watch("s");
    await until(() => states.length === 1);
    expect(await server.close()).toBe(1);
    expect(await over).toMatchObject({ code: status.UNAVAILABLE, info: { reason: "SAGA_DRAINING" } });
    expect(await answer).toMatchObject({ code: status.UNAVAILABLE });
  });
});
