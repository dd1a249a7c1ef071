import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { startFaultyOrderService } from "../support/faulty-upstream.js";
import { readLedgers } from "../support/ledger-reader.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { orderClient } from "./clients.js";

const scope = createScope();
const order = (requestId: string) => ({ requestId, productId: 7n, count: 2n });

async function start() {
  const data = scope.tempDir();
  const upstream = scope.use(await startFaultyOrderService({ address: "localhost:0", data }));
  const orders = scope.use(orderClient(`localhost:${upstream.port}`));
  return { data, upstream, orders };
}

test("fails as often as planned, then works", async () => {
  const { data, upstream, orders } = await start();
  upstream.plan("createOrder", { fail: { code: status.UNAVAILABLE, message: "away" }, times: 2 });
  for (let i = 0; i < 2; i++) {
    await expect(orders.create("k", order("a"))).rejects.toMatchObject({ code: status.UNAVAILABLE, details: "away" });
  }
  expect(readLedgers(data).orders.entries).toEqual([]);
  expect(await orders.create("k", order("a"))).toEqual({ orderId: 1n });
  expect(upstream.callsOf("createOrder").map((call) => call.code)).toEqual([14, 14, 0]);
  expect(upstream.calls[0]?.metadata["idempotency-key"]).toBe("k");
});

test("loses an answer after the effect", async () => {
  const { data, upstream, orders } = await start();
  upstream.plan("createOrder", { effect: true, fail: { code: status.UNAVAILABLE } });
  await expect(orders.create("k", order("a"))).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(readLedgers(data).orders.entries).toHaveLength(1);
  expect(await orders.create("k", order("a"))).toEqual({ orderId: 1n });
});

test("hangs after the effect, holds a call until told, and still closes", async () => {
  const { data, upstream, orders } = await start();
  upstream.plan("createOrder", { effect: true, hang: true });
  const hanging = orders.create("k", order("a")).catch((error: unknown) => error);
  await until(() => readLedgers(data).orders.entries.length === 1);

  const gate = { open: () => {} };
  upstream.plan("createOrder", { hold: new Promise<void>((resolve) => (gate.open = resolve)) });
  const held = orders.create("k2", order("b"));
  await until(() => upstream.calls.length === 2);
  expect(readLedgers(data).orders.entries).toHaveLength(1);
  gate.open();
  expect(await held).toEqual({ orderId: 2n });

  await upstream.close();
  expect(await hanging).toMatchObject({ code: expect.any(Number) });
});

test("refuses a plan for a method that is not there", async () => {
  const { upstream } = await start();
  expect(() => upstream.plan("CreateOrder", {})).toThrow("no method CreateOrder; there are createOrder, cancelOrder");
});
