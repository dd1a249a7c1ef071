import { credentials } from "@grpc/grpc-js";
import {
  type CancelOrderRequest,
  type CreateOrderRequest,
  type GetOrderRequest,
  OrderServiceClient,
} from "../../generated/pb/booking/order.js";
import { type CreatePaymentRequest, PaymentServiceClient } from "../../generated/pb/booking/payment.js";
import { callUnary } from "../support/call-unary.js";

const keyed = (key: string | undefined) => (key === undefined ? {} : { "idempotency-key": key });

/** An order client with short calls. */
export function orderClient(address: string) {
  const client = new OrderServiceClient(address, credentials.createInsecure());
  return {
    create: (key: string | undefined, request: CreateOrderRequest) =>
      callUnary(client, client.createOrder, request, keyed(key)),
    cancel: (request: CancelOrderRequest, key?: string) => callUnary(client, client.cancelOrder, request, keyed(key)),
    get: (by: GetOrderRequest["by"]) => callUnary(client, client.getOrder, { by }),
    close: () => client.close(),
  };
}

/** A payment client with short calls. */
export function paymentClient(address: string) {
  const client = new PaymentServiceClient(address, credentials.createInsecure());
  return {
    create: (key: string | undefined, request: CreatePaymentRequest) =>
      callUnary(client, client.createPayment, request, keyed(key)),
    cancel: (requestId: string) => callUnary(client, client.cancelPayment, { requestId, paymentId: 0n }),
    get: (requestId: string) => callUnary(client, client.getPayment, { by: { $case: "requestId", value: requestId } }),
    close: () => client.close(),
  };
}
