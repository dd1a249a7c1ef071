import { describe, expect, test } from "vitest";
import { handleSyncBooking } from "../../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { Rollback } from "../../../runtime/core/errors.js";
import type { AnyNode, FacadeDefinition } from "../../../runtime/facade/definition.js";
import { type FaultMatrixOptions, faultMatrix } from "../../../runtime/testing/matrix/matrix.js";
import { facadeOf } from "../../engine/support/facade.js";

const madeUp = {
  request: { ProductID: "1", Count: "2" },
  responses: { createOrder: { orderId: "3" }, createPayment: { paymentId: "4" } },
};

/** The booking facade with parts of a node written otherwise. */
function bookingWith(step: string, node: Partial<AnyNode>): FacadeDefinition {
  const steps = handleSyncBooking.steps.map((own) =>
    own.name === step ? { ...own, node: { ...own.node, ...node } } : own,
  );
  return { ...handleSyncBooking, steps };
}

/** What the cases that fail say, by name. */
async function failures(options: Omit<FaultMatrixOptions, "madeUp">): Promise<Record<string, string>> {
  const failed: Record<string, string> = {};
  for (const { name, run } of faultMatrix({ madeUp, ...options })) {
    await run().catch((error: Error) => {
      failed[name] = error.message;
    });
  }
  return failed;
}

/** The names of the cases in which createOrder is compensated and its answer is known, and of those in which it is not. */
const known = [
  "createOrder: compensation fails once",
  "createOrder: compensation fails for good",
  "createOrder: crash after the journal write",
  "createPayment: business error",
  "createPayment: transient for good",
  "createPayment: crash before the call",
  "createPayment: crash after the call",
  "createPayment: crash after the journal write",
  "createPayment: compensation fails once",
  "createPayment: late arrival",
];
const unknown = [
  "createOrder: transient for good",
  "createOrder: crash before the call",
  "createOrder: crash after the call",
  "createOrder: late arrival",
];

describe("the matrix finds", () => {
  test("nothing in nodes that are right", async () => {
    expect(await failures({ facade: handleSyncBooking })).toEqual({});
  });

  test("a compensation that does not think of an answer that never came", async () => {
    const facade = bookingWith("createOrder", {
      compensate: ({ sent, received }) => ({ ...(sent as object), orderId: (received as { orderId: bigint }).orderId }),
    });
    const failed = await failures({ facade });
    expect(Object.keys(failed).sort()).toEqual([...unknown].sort());
    expect(failed["createOrder: crash after the call"]?.replace(/(?<=test\.ts:)\d+/, "LINE")).toMatchInlineSnapshot(`
      "createOrder: crash after the call: came out otherwise than expected

        expected                                              seen
        /pb.OrderService/CreateOrder  createOrder             /pb.OrderService/CreateOrder  createOrder
      ≠ /pb.OrderService/CancelOrder  createOrder/compensate
      ≠ the saga is COMPENSATED                               the saga is STUCK
        the client is told UNAVAILABLE SAGA_INTERRUPTED       the client is told UNAVAILABLE SAGA_INTERRUPTED
      ≠ left upstream: nothing                                left upstream: createOrder

      node: createOrder.compensate threw TypeError: Cannot read properties of undefined (reading 'orderId') (test/testing/matrix/wrong-nodes.test.ts:LINE)
      the engine said: the node failed to build the compensation's request
      the engine said: saga stuck: a compensation used up its attempts; an operator must retry or skip it"
    `);
  });

  test("a compensation with the id of something else", async () => {
    const facade = bookingWith("createOrder", {
      compensate: ({ sagaId, request }) => ({
        requestId: sagaId,
        orderId: (request as { ProductID: bigint }).ProductID,
      }),
    });
    const failed = await failures({ facade });
    expect(Object.keys(failed).sort()).toEqual([...known].sort());
    expect(failed["createPayment: business error"]).toContain(
      "broken: createOrder/compensate says orderId 1, and the call's answer orderId 3; " +
        'where that is meant, list "createOrder.orderId" in otherIds of the sample',
    );
    expect(await failures({ facade, sample: { otherIds: ["createOrder.orderId"] } })).toEqual({});
  });

  test("a compensation that names another request than was sent", async () => {
    const facade = bookingWith("createOrder", { compensate: () => ({ requestId: "", orderId: 3n }) });
    const failed = await failures({ facade });
    expect(Object.keys(failed).sort()).toEqual([...known, ...unknown].sort());
    expect(failed["createOrder: late arrival"]).toContain(
      "createOrder/compensate says requestId 0 or nothing, and the call's request requestId fault-matrix;",
    );
  });

  test("a compensation that says nothing where the answer was lost", async () => {
    const facade = bookingWith("createOrder", {
      compensate: ({ received }) => ({
        requestId: "",
        orderId: (received as { orderId: bigint } | undefined)?.orderId ?? 0n,
      }),
    });
    const sample = { otherIds: ["createOrder.requestId"] };
    const failed = await failures({ facade, sample });
    expect(Object.keys(failed).sort()).toEqual([...unknown].sort());
    for (const text of Object.values(failed)) {
      expect(text).toContain(
        "broken: createOrder/compensate says nothing of what to undo where the answer was lost: its request holds only " +
          "defaults; fill it in from sent or sagaId, or where the upstream finds by the idempotency key what to undo, " +
          'list "createOrder" in undoneByKey of the sample',
      );
    }
    expect(await failures({ facade, sample: { ...sample, undoneByKey: ["createOrder"] } })).toEqual({});
  });

  test("nothing in a compensation whose request has no fields: only the key can say what to undo", async () => {
    const facade = facadeOf({
      name: "shop.Shop/Buy",
      steps: { pay: { node: { request: () => ({ customer: "c" }), compensate: () => ({}) } } },
    });
    expect(await failures({ facade })).toEqual({});
  });

  test("nodes that do not take the sample, before all else", async () => {
    const facade = bookingWith("createPayment", {
      request: ({ request }) => {
        if ((request as { Count: bigint }).Count < 10n) {
          throw new Rollback("INVALID_ARGUMENT", "too few");
        }
        return handleSyncBooking.steps[1]?.node.request({
          sagaId: "s",
          request,
          results: { createOrder: { orderId: 3n } },
        });
      },
    });
    const failed = await failures({ facade });
    expect(Object.keys(failed)).toHaveLength(25);
    const { "no fault": first, ...others } = failed;
    expect(first?.replace(/(?<=test\.ts:)\d+/, "LINE")).toMatchInlineSnapshot(`
      "no fault: the nodes don't take the sample, so this says nothing of how the saga fares
        createPayment.request threw Rollback: too few (test/testing/matrix/wrong-nodes.test.ts:LINE)
      Give a request and responses that they take: a generated spec takes them from the .sample.ts file beside the nodes."
    `);
    for (const [name, text] of Object.entries(others)) {
      expect(text).toBe(`${name}: not played, see "no fault"`);
    }
    const request = { ProductID: 1n, Count: 10n, FaultInject: false };
    expect(await failures({ facade, sample: { request } })).toEqual({});
  });

  test("a response that can't be built", async () => {
    const respond = () => {
      throw new Error("no idea");
    };
    const failed = await failures({ facade: { ...handleSyncBooking, respond } });
    expect(failed["no fault"]).toContain("respond threw Error: no idea");
  });

  test("a sample that is no message", async () => {
    const failed = await failures({
      facade: handleSyncBooking,
      sample: { responses: { createOrder: { orderId: 1n << 80n } } },
    });
    expect(failed["no fault"]).toContain("the sample's response of createOrder can't be encoded: ");
  });
});
