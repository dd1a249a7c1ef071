import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { startOrderService } from "../../examples/booking/upstream/order-service.js";
import { startPaymentService } from "../../examples/booking/upstream/payment-service.js";
import { OrderStatus } from "../../generated/pb/booking/order.js";
import { readLedgers } from "../support/ledger-reader.js";
import { createScope } from "../support/scope.js";
import { orderClient, paymentClient } from "./clients.js";

const scope = createScope();

async function startBoth() {
  const data = scope.tempDir();
  const orderServer = scope.use(await startOrderService({ address: "localhost:0", data }));
  const paymentServer = scope.use(await startPaymentService({ address: "localhost:0", data }));
  const orders = scope.use(orderClient(`localhost:${orderServer.port}`));
  const payments = scope.use(paymentClient(`localhost:${paymentServer.port}`));
  return { data, orders, payments };
}

const order = (requestId: string) => ({ requestId, productId: 7n, count: 2n });
const payment = (requestId: string) => ({ requestId, orderId: 1n, amount: 2n, faultInject: false });

describe("idempotency keys", () => {
  test("the same key twice makes one order and gets the same answer", async () => {
    const { data, orders } = await startBoth();
    const [first, ...repeats] = await Promise.all([1, 2, 3].map(() => orders.create("a/createOrder", order("a"))));
    expect(first).toEqual({ orderId: 1n });
    expect(repeats).toEqual([first, first]);
    const { entries, effectsByKey } = readLedgers(data).orders;
    expect(entries).toEqual([{ id: 1n, requestId: "a", status: "created" }]);
    expect(effectsByKey).toEqual(new Map([["a/createOrder", 1]]));
  });

  test("a repeat after the cancellation still gets the first answer, and makes nothing", async () => {
    const { data, orders } = await startBoth();
    await orders.create("a/createOrder", order("a"));
    await orders.cancel({ requestId: "a", orderId: 1n }, "a/createOrder/compensate");
    expect(await orders.create("a/createOrder", order("a"))).toEqual({ orderId: 1n });
    expect(readLedgers(data).orders.entries).toEqual([{ id: 1n, requestId: "a", status: "cancelled" }]);
  });

  test("the same key for another method or another request is ALREADY_EXISTS: refused for good, and not compensated", async () => {
    const { data, orders } = await startBoth();
    await orders.create("k", order("a"));
    await expect(orders.cancel({ requestId: "a", orderId: 0n }, "k")).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    await expect(orders.create("k", { ...order("a"), count: 3n })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    // These two requests have the same bytes: only the method tells them apart.
    await orders.create("l", { requestId: "b", productId: 0n, count: 0n });
    await expect(orders.cancel({ requestId: "b", orderId: 0n }, "l")).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    expect(readLedgers(data).orders.effects).toHaveLength(2);
  });

  test("a create without a key is refused with the name of what is missing", async () => {
    const { data, orders, payments } = await startBoth();
    const refusal = {
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/^missing metadata idempotency-key/),
    };
    await expect(orders.create(undefined, order("a"))).rejects.toMatchObject(refusal);
    await expect(payments.create(undefined, payment("a"))).rejects.toMatchObject(refusal);
    expect(readLedgers(data).orders.entries).toEqual([]);
  });

  test("a second key for a request id that has its order makes no second one", async () => {
    const { orders } = await startBoth();
    await orders.create("k1", order("a"));
    await expect(orders.create("k2", order("a"))).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
  });
});

describe("cancelling", () => {
  test("before the create: NOT_FOUND, and the late create is ABORTED, also when repeated", async () => {
    const { data, orders } = await startBoth();
    for (let i = 0; i < 2; i++) {
      await expect(orders.cancel({ requestId: "a", orderId: 0n }, "a/createOrder/compensate")).rejects.toMatchObject({
        code: status.NOT_FOUND,
      });
    }
    for (let i = 0; i < 2; i++) {
      await expect(orders.create("a/createOrder", order("a"))).rejects.toMatchObject({ code: status.ABORTED });
    }
    const book = readLedgers(data).orders;
    expect(book).toMatchObject({ entries: [], effects: [], tombstones: ["a"] });
  });

  test("what is not there, without a saga's key, is NOT_FOUND and forbids nothing", async () => {
    const { orders } = await startBoth();
    const missing = { code: status.NOT_FOUND };
    await expect(orders.cancel({ requestId: "a", orderId: 0n })).rejects.toMatchObject(missing);
    await expect(orders.cancel({ requestId: "a", orderId: 0n }, "by-hand")).rejects.toMatchObject(missing);
    expect(await orders.create("a/createOrder", order("a"))).toEqual({ orderId: 1n });
    // A cancellation's refusal is not kept: the same key may succeed once the order is there.
    expect(await orders.cancel({ requestId: "a", orderId: 0n }, "by-hand")).toEqual({});
  });

  test("twice, with a key or without, cancels once", async () => {
    const { data, orders } = await startBoth();
    await orders.create("a/createOrder", order("a"));
    await orders.cancel({ requestId: "a", orderId: 1n }, "a/c");
    await orders.cancel({ requestId: "a", orderId: 1n }, "a/c");
    await orders.cancel({ requestId: "a", orderId: 0n });
    expect(readLedgers(data).orders.effects).toEqual([
      { key: "a/createOrder", method: "create", requestId: "a" },
      { key: "a/c", method: "cancel", requestId: "a" },
    ]);
  });

  test("keeps the order, shown as cancelled by id and by request id", async () => {
    const { orders } = await startBoth();
    await orders.create("a/createOrder", order("a"));
    await orders.cancel({ requestId: "a", orderId: 0n });
    const shown = { orderId: 1n, ...order("a"), status: OrderStatus.ORDER_STATUS_CANCELLED };
    expect(await orders.get({ $case: "requestId", value: "a" })).toEqual(shown);
    expect(await orders.get({ $case: "orderId", value: 1n })).toEqual(shown);
  });
});

describe("refusals", () => {
  test("fault_inject refuses the payment; the refusal is kept and takes no id", async () => {
    const { data, payments, orders } = await startBoth();
    const refused = { ...payment("a"), faultInject: true };
    for (let i = 0; i < 2; i++) {
      await expect(payments.create("a/createPayment", refused)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: "payment refused: fault_inject is set",
      });
    }
    // Not decided anew: the key now stands for the refused payment.
    await expect(payments.create("a/createPayment", payment("a"))).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
    expect(readLedgers(data).payments).toMatchObject({ entries: [], effects: [] });
    await expect(payments.get("a")).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(await orders.create("b/createOrder", order("b"))).toEqual({ orderId: 1n });
  });

  test("what is not there is NOT_FOUND, and by nothing at all INVALID_ARGUMENT", async () => {
    const { orders } = await startBoth();
    await expect(orders.get({ $case: "orderId", value: 9n })).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(orders.get(undefined)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});
