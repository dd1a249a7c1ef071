import { guardService, loadedAnnotations, Refusal } from "protosaga/upstream";
import {
  type GetOrderRequest,
  type GetOrderResponse,
  type OrderServiceServer,
  OrderServiceService,
  OrderStatus,
} from "../../../generated/pb/booking/order.js";
import { openLedger } from "./shared/ledger.js";
import { loadProto } from "./shared/protos.js";
import { openRegister } from "./shared/register.js";
import { openSequence } from "./shared/sequence.js";
import { type RunningServer, serve } from "./shared/serve.js";
import { unary } from "./shared/unary.js";
import type { Upstream, UpstreamOptions } from "./shared/upstream.js";

/** Opens the order service on its ledger in a data directory, not yet listening. */
export function openOrderService(data: string): Upstream<OrderServiceServer> {
  const ledger = openLedger(data, "order");
  const sequence = openSequence(data);
  const orders = openRegister(ledger, sequence, { noun: "order", columns: ["product_id", "count"] });
  const proto = loadProto("booking/order.proto");

  const guarded = guardService({
    barrier: ledger.barrier,
    definition: OrderServiceService,
    annotations: loadedAnnotations(proto),
    effects: {
      createOrder: ({ requestId, productId, count }, { key }) => ({
        orderId: orders.create({ key, requestId }, [productId, count]),
      }),
      cancelOrder: ({ requestId }, { key }) => {
        orders.cancel({ key, requestId });
        return {};
      },
    },
    others: {
      getOrder: unary(({ by }: GetOrderRequest): GetOrderResponse => {
        if (by === undefined) throw new Refusal("INVALID_ARGUMENT", "missing order_id or request_id");
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
    // People cancel orders, too.
    keyOptional: ["cancelOrder"],
  });

  return {
    name: "pb.OrderService",
    proto,
    ...guarded,
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
