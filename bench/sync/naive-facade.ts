// Side a, the baseline: the booking as a user would write it by hand. It keeps no journal, so a crash between the two
// calls, or one whose outcome stays unknown, leaves an order with no payment.
import { runHandWritten } from "./hand-written.js";

await runHandWritten(async (upstreams, requestId, request) => {
  const { orderId } = await upstreams.createOrder(requestId, request);
  try {
    const { paymentId } = await upstreams.createPayment(requestId, request, orderId);
    return { RequestID: requestId, OrderID: orderId, PaymentID: paymentId };
  } catch (error) {
    await upstreams.cancelOrder(requestId, orderId);
    throw error;
  }
});
