import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { freeAddress } from "../support/free-port.js";
import { readLedgers } from "../support/ledger-reader.js";
import { createScope } from "../support/scope.js";
import { orderClient, paymentClient } from "./clients.js";

const scope = createScope();
const orderMain = "examples/booking/upstream/order-main.ts";
const paymentMain = "examples/booking/upstream/payment-main.ts";

const order = (requestId: string) => ({ requestId, productId: 7n, count: 2n });
const payment = (requestId: string) => ({ requestId, orderId: 1n, amount: 2n, faultInject: false });

async function startOrders(address: string, data: string, ...more: string[]) {
  const process = scope.start(orderMain, { args: ["--address", address, "--data", data, ...more] });
  await process.line(`order service ready on ${address}`);
  return process;
}

async function startPayments(address: string, data: string) {
  const process = scope.start(paymentMain, { args: ["--address", address, "--data", data] });
  await process.line(`payment service ready on ${address}`);
  return process;
}

describe("the upstream processes", () => {
  test("share one id sequence from 1, whichever is asked and in whatever order", async () => {
    const data = scope.tempDir();
    const [orderAddress, paymentAddress] = [await freeAddress(), await freeAddress()];
    // Both at once: each may be the one that creates the sequence's file.
    await Promise.all([startOrders(orderAddress, data), startPayments(paymentAddress, data)]);
    const orders = scope.use(orderClient(orderAddress));
    const payments = scope.use(paymentClient(paymentAddress));
    expect(await orders.create("a/1", order("a"))).toEqual({ orderId: 1n });
    expect(await payments.create("a/2", payment("a"))).toEqual({ paymentId: 2n });

    const requests = Array.from({ length: 40 }, (_, i) => `r${i}`);
    const ids = await Promise.all([
      ...requests.map(async (id) => (await orders.create(`${id}/1`, order(id))).orderId),
      ...requests.map(async (id) => (await payments.create(`${id}/2`, payment(id))).paymentId),
    ]);
    expect(ids.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i + 3));
  });

  test("know a key again after kill -9", async () => {
    const data = scope.tempDir();
    const address = await freeAddress();
    const before = await startOrders(address, data);
    const orders = scope.use(orderClient(address));
    const first = await orders.create("a/createOrder", order("a"));
    expect(await before.kill9()).toEqual({ code: null, signal: "SIGKILL" });

    await startOrders(address, data);
    const again = scope.use(orderClient(address));
    expect(await again.create("a/createOrder", order("a"))).toEqual(first);
    expect(readLedgers(data).orders.effectsByKey).toEqual(new Map([["a/createOrder", 1]]));
  });

  test("say in one line that a port is taken, and exit with 1", async () => {
    const taken = createServer();
    // On one of the two addresses of localhost only: being half reachable would be worse than not starting.
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    scope.defer(() => taken.close());
    const bound = taken.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const process = scope.start(orderMain, { args: ["--address", `localhost:${port}`, "--data", scope.tempDir()] });
    expect(await process.exited).toEqual({ code: 1, signal: null });
    expect(process.stderr()).toBe(
      `order service: cannot listen on localhost:${port}: the port is taken; stop what uses it or choose another --address\n`,
    );
    expect(process.stdout()).toBe("");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("stop on %s with 0, having said one line", async (signal) => {
    const address = await freeAddress();
    const process = await startOrders(address, scope.tempDir());
    expect(await process.stop(signal)).toEqual({ code: 0, signal: null });
    expect(process.stdout()).toBe(`order service ready on ${address}\n`);
    expect(process.stderr()).toBe("");
  });

  test("end with the parent where asked to", async () => {
    const process = await startOrders(await freeAddress(), scope.tempDir(), "--exit-with-parent");
    process.child.disconnect();
    expect(await process.exited).toEqual({ code: 0, signal: null });
  });
});
