import { status } from "@grpc/grpc-js";
import {
  CancelPaymentRequest,
  CancelPaymentResponse,
  CreatePaymentRequest,
  CreatePaymentResponse,
  type GetPaymentRequest,
  type GetPaymentResponse,
  type PaymentServiceServer,
  PaymentServiceService,
  PaymentStatus,
} from "../../../generated/pb/booking/payment.js";
import { openLedger } from "./shared/ledger.js";
import { Refusal } from "./shared/refusal.js";
import { openRegister } from "./shared/register.js";
import { openSequence } from "./shared/sequence.js";
import { type RunningServer, serve } from "./shared/serve.js";
import { idempotencyKey, requiredIdempotencyKey, unary } from "./shared/unary.js";
import type { Upstream, UpstreamOptions } from "./shared/upstream.js";

/** Opens the payment service on its ledger in a data directory, not yet listening. */
export function openPaymentService(data: string): Upstream<PaymentServiceServer> {
  const ledger = openLedger(data, "payment");
  const sequence = openSequence(data);
  const payments = openRegister(ledger, sequence, { noun: "payment", columns: ["order_id", "amount"] });

  return {
    name: "pb.PaymentService",
    protoFile: "booking/payment.proto",
    definition: PaymentServiceService,
    handlers: {
      createPayment: unary((request: CreatePaymentRequest, metadata): CreatePaymentResponse => {
        const key = requiredIdempotencyKey(metadata);
        const bytes = CreatePaymentRequest.encode(request).finish();
        return ledger.once({ key, method: "CreatePayment", request: bytes, response: CreatePaymentResponse }, () => {
          if (request.faultInject) {
            throw new Refusal(status.INVALID_ARGUMENT, "payment refused: fault_inject is set");
          }
          return {
            paymentId: payments.create({ key, requestId: request.requestId }, [request.orderId, request.amount]),
          };
        });
      }),
      cancelPayment: unary((request: CancelPaymentRequest, metadata): CancelPaymentResponse => {
        const key = idempotencyKey(metadata);
        const bytes = CancelPaymentRequest.encode(request).finish();
        return ledger.once({ key, method: "CancelPayment", request: bytes, response: CancelPaymentResponse }, () => {
          payments.cancel({ key, requestId: request.requestId });
          return {};
        });
      }),
      getPayment: unary(({ by }: GetPaymentRequest): GetPaymentResponse => {
        if (by === undefined) throw new Refusal(status.INVALID_ARGUMENT, "missing payment_id or request_id");
        const payment = payments.find(by.$case === "paymentId" ? { $case: "id", value: by.value } : by);
        return {
          paymentId: payment.id,
          requestId: payment.requestId,
          orderId: payment.values[0],
          amount: payment.values[1],
          status: payment.cancelled ? PaymentStatus.PAYMENT_STATUS_CANCELLED : PaymentStatus.PAYMENT_STATUS_TAKEN,
        };
      }),
    },
    close() {
      ledger.close();
      sequence.close();
    },
  };
}

/** Runs the payment service in this process until closed. */
export function startPaymentService({ address, data }: UpstreamOptions): Promise<RunningServer> {
  return serve(address, openPaymentService(data));
}
