import { status } from "@grpc/grpc-js";
import {
  CancelOrderRequest,
  CancelOrderResponse,
  CreateOrderRequest,
  CreateOrderResponse,
  type GetOrderRequest,
  type GetOrderResponse,
  type OrderServiceServer,
  OrderServiceService,
  OrderStatus,
} from "../../../generated/pb/booking/order.js";
import { openLedger } from "./shared/ledger.js";
import { Refusal } from "./shared/refusal.js";
import { openRegister } from "./shared/register.js";
import { openSequence } from "./shared/sequence.js";
import { type RunningServer, serve } from "./shared/serve.js";
import { idempotencyKey, requiredIdempotencyKey, unary } from "./shared/unary.js";
import type { Upstream, UpstreamOptions } from "./shared/upstream.js";

/** Opens the order service on its ledger in a data directory, not yet listening. */
export function openOrderService(data: string): Upstream<OrderServiceServer> {
  const ledger = openLedger(data, "order");
  const sequence = openSequence(data);
  const orders = openRegister(ledger, sequence, { noun: "order", columns: ["product_id", "count"] });

  return {
    name: "pb.OrderService",
    protoFile: "booking/order.proto",
    definition: OrderServiceService,
    handlers: {
      createOrder: unary((request: CreateOrderRequest, metadata): CreateOrderResponse => {
        const key = requiredIdempotencyKey(metadata);
        const bytes = CreateOrderRequest.encode(request).finish();
        return ledger.once({ key, method: "CreateOrder", request: bytes, response: CreateOrderResponse }, () => ({
          orderId: orders.create({ key, requestId: request.requestId }, [request.productId, request.count]),
        }));
      }),
      cancelOrder: unary((request: CancelOrderRequest, metadata): CancelOrderResponse => {
        const key = idempotencyKey(metadata);
        const bytes = CancelOrderRequest.encode(request).finish();
        return ledger.once({ key, method: "CancelOrder", request: bytes, response: CancelOrderResponse }, () => {
          orders.cancel({ key, requestId: request.requestId });
          return {};
        });
      }),
      getOrder: unary(({ by }: GetOrderRequest): GetOrderResponse => {
        if (by === undefined) throw new Refusal(status.INVALID_ARGUMENT, "missing order_id or request_id");
        const order = orders.find(by.$case === "orderId" ? { $case: "id", value: by.value } : by);
        return {
          orderId: order.id,
          requestId: order.requestId,
          productId: order.values[0],
          count: order.values[1],
          status: order.cancelled ? OrderStatus.ORDER_STATUS_CANCELLED : OrderStatus.ORDER_STATUS_CREATED,
        };
      }),
    },
    close() {
      ledger.close();
      sequence.close();
    },
  };
}

/** Runs the order service in this process until closed. */
export function startOrderService({ address, data }: UpstreamOptions): Promise<RunningServer> {
  return serve(address, openOrderService(data));
}
