// Side b, near the limit: side a with a turn of the event loop before each call and before the answer. A journal with
// group commit waits at the same three places; waiting alone, without storing anything, makes calls leave in batches
// and has been faster than side a. So the difference from b, not from a, is the cost of durability.
import { setImmediate as turn } from "node:timers/promises";
import { runHandWritten } from "./hand-written.js";

await runHandWritten(async (upstreams, requestId, request) => {
  await turn();
  const { orderId } = await upstreams.createOrder(requestId, request);
  try {
    await turn();
    const { paymentId } = await upstreams.createPayment(requestId, request, orderId);
    await turn();
    return { RequestID: requestId, OrderID: orderId, PaymentID: paymentId };
  } catch (error) {
    await upstreams.cancelOrder(requestId, orderId);
    throw error;
  }
});
