import { type CallOptions, type ClientUnaryCall, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { BookingRequest } from "../../generated/pb/booking/booking.js";
import { OrderServiceClient } from "../../generated/pb/booking/order.js";
import { PaymentServiceClient } from "../../generated/pb/booking/payment.js";

/** The upstream calls as promises, as a user would write them by hand. */
export interface Upstreams {
  createOrder(requestId: string, request: BookingRequest): Promise<{ orderId: bigint }>;
  cancelOrder(requestId: string, orderId: bigint): Promise<unknown>;
  createPayment(requestId: string, request: BookingRequest, orderId: bigint): Promise<{ paymentId: bigint }>;
}

/** Connects to the two services. Each call has a deadline of two seconds. */
export function connectUpstreams(orderAddress: string, paymentAddress: string): Upstreams {
  const orders = new OrderServiceClient(orderAddress, credentials.createInsecure());
  const payments = new PaymentServiceClient(paymentAddress, credentials.createInsecure());
  return {
    createOrder: (requestId, { ProductID, Count }) =>
      promised(
        (metadata, options, done) =>
          orders.createOrder({ requestId, productId: ProductID, count: Count }, metadata, options, done),
        requestId,
        "createOrder",
      ),
    cancelOrder: (requestId, orderId) =>
      promised(
        (metadata, options, done) => orders.cancelOrder({ requestId, orderId }, metadata, options, done),
        requestId,
        "createOrder/compensate",
      ),
    createPayment: (requestId, { Count, FaultInject }, orderId) =>
      promised(
        (metadata, options, done) =>
          payments.createPayment(
            { requestId, orderId, amount: Count, faultInject: FaultInject },
            metadata,
            options,
            done,
          ),
        requestId,
        "createPayment",
      ),
  };
}

/** Every hand-written side sends what ours does: the request id, the idempotency key and a deadline of two seconds. */
function promised<Response>(
  call: (
    metadata: Metadata,
    options: Partial<CallOptions>,
    done: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
  requestId: string,
  step: string,
): Promise<Response> {
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  metadata.set("idempotency-key", `${requestId}/${step}`);
  return new Promise((resolve, reject) => {
    call(metadata, { deadline: Date.now() + 2000 }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
