import type { Nodes } from "../../../../facade/booking/booking/booking-service/handle-throttled-booking.js";

/** pb.OrderService.CreateOrder */
export const createOrder: Nodes["createOrder"] = {
  request: ({ sagaId, request }) => ({
    requestId: sagaId,
    productId: request.ProductID,
    count: request.Count,
  }),
  compensate: ({ sent, received }) => ({
    requestId: sent.requestId,
    orderId: received?.orderId ?? 0n,
  }),
};

/** pb.PaymentService.CreatePayment */
export const createPayment: Nodes["createPayment"] = {
  request: ({ sagaId, request, results }) => ({
    requestId: sagaId,
    orderId: results.createOrder.orderId,
    amount: request.Count,
    faultInject: request.FaultInject,
  }),
  compensate: ({ sent, received }) => ({
    requestId: sent.requestId,
    paymentId: received?.paymentId ?? 0n,
  }),
};

/** The response of pb.BookingService/HandleThrottledBooking. */
export const respond: Nodes["respond"] = ({ sagaId, results }) => ({
  RequestID: sagaId,
  OrderID: results.createOrder.orderId,
  PaymentID: results.createPayment.paymentId,
});
