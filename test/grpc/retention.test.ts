import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { systemClock } from "../../runtime/engine/ports.js";
import { SagaState } from "../../runtime/pb/saga/v1/service.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { book, startBookingServer } from "./support/booking-server.js";
import { connectSagaClient } from "./support/saga-client.js";

const scope = createScope();

/** Has sagas end in every way on a server that keeps them for one second, and then lists those that exist. */
async function checkRetention(journal: object): Promise<void> {
  const server = await startBookingServer(scope, {
    config: { journal: { retention_ms: 1_000, ...journal } },
    clock: { ...systemClock, random: () => 0 },
  });
  const sagas = connectSagaClient(scope, server.address);
  server.orders.plan("cancelOrder", { fail: { code: status.INTERNAL, message: "out of order" }, times: 20 });
  await book(server.client, { "x-request-id": "stuck" }, { FaultInject: true });
  await until(async () => (await sagas.get("stuck")).state === SagaState.SAGA_STATE_STUCK);
  let letGo = () => {};
  server.payments.plan("createPayment", { hold: new Promise<void>((resolve) => (letGo = resolve)) });
  const open = book(server.client, { "x-request-id": "open" });
  await until(async () => (await sagas.ask("open")).code === status.OK);
  await book(server.client, { "x-request-id": "completed" });
  await book(server.client, { "x-request-id": "compensated" }, { FaultInject: true });
  expect(await sagas.get("completed")).toMatchObject({ state: SagaState.SAGA_STATE_COMPLETED });

  await until(async () => (await sagas.ask("compensated")).code === status.NOT_FOUND);
  expect(await sagas.ask("completed")).toMatchObject({
    code: status.NOT_FOUND,
    info: { reason: "SAGA_NOT_FOUND" },
  });
  expect((await sagas.get("stuck")).state).toBe(SagaState.SAGA_STATE_STUCK);
  expect((await sagas.get("open")).state).toBe(SagaState.SAGA_STATE_RUNNING);

  const orders = server.ledgers().orders.entries.length;
  letGo();
  expect(await open).toMatchObject({ code: status.OK });
  expect(await book(server.client, { "x-request-id": "completed" }), "it is another saga").toMatchObject({ code: 0 });
  expect(server.ledgers().orders.entries.length, "whose order the upstream knows by its key").toBe(orders);
}

test("a saga is removed when its retention time has passed; open and stuck ones stay", async () => {
  await checkRetention({});
});

describePostgres("on PostgreSQL", () => {
  test("a saga is removed when its retention time has passed; open and stuck ones stay", async () => {
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    await checkRetention({ kind: "postgres", postgres: { url, schema } });
  });
});
