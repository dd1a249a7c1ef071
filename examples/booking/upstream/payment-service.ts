import { guardService, loadedAnnotations, Refusal } from "protosaga/upstream";
import {
  type GetPaymentRequest,
  type GetPaymentResponse,
  type PaymentServiceServer,
  PaymentServiceService,
  PaymentStatus,
} from "../../../generated/pb/booking/payment.js";
import { openLedger } from "./shared/ledger.js";
import { loadProto } from "./shared/protos.js";
import { openRegister } from "./shared/register.js";
import { openSequence } from "./shared/sequence.js";
import { type RunningServer, serve } from "./shared/serve.js";
import { unary } from "./shared/unary.js";
import type { Upstream, UpstreamOptions } from "./shared/upstream.js";

/** Opens the payment service on its ledger in a data directory, not yet listening. */
export function openPaymentService(data: string): Upstream<PaymentServiceServer> {
  const ledger = openLedger(data, "payment");
  const sequence = openSequence(data);
  const payments = openRegister(ledger, sequence, { noun: "payment", columns: ["order_id", "amount"] });
  const proto = loadProto("booking/payment.proto");

  const guarded = guardService({
    barrier: ledger.barrier,
    definition: PaymentServiceService,
    annotations: loadedAnnotations(proto),
    effects: {
      createPayment: ({ requestId, orderId, amount, faultInject }, { key }) => {
        if (faultInject) throw new Refusal("INVALID_ARGUMENT", "payment refused: fault_inject is set");
        return { paymentId: payments.create({ key, requestId }, [orderId, amount]) };
      },
      cancelPayment: ({ requestId }, { key }) => {
        payments.cancel({ key, requestId });
        return {};
      },
    },
    others: {
      getPayment: unary(({ by }: GetPaymentRequest): GetPaymentResponse => {
        if (by === undefined) throw new Refusal("INVALID_ARGUMENT", "missing payment_id or request_id");
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
    // People cancel payments, too.
    keyOptional: ["cancelPayment"],
  });

  return {
    name: "pb.PaymentService",
    proto,
    ...guarded,
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
