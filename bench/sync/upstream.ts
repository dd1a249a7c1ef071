// The order and payment services that every side calls: in memory and as light as they can be, since a durable
// ledger would hide what the facade itself costs. Both stand in ONE process, on a port of their own each: a facade
// has two connections as in life, but two shared cores hold one process less, so that the facades and not the
// scheduler are measured. At 0.1 to 0.3 ms of CPU a booking this process is not the limit; the table shows its share.
import { type handleUnaryCall, Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { OrderServiceService } from "../../generated/pb/booking/order.js";
import { PaymentServiceService } from "../../generated/pb/booking/payment.js";
import { answerCommands } from "../support/worker.js";

/** Where the two services listen. */
export interface UpstreamReady {
  readonly orderAddress: string;
  readonly paymentAddress: string;
}

/** The calls that came since they were asked for last. */
export interface UpstreamCounts {
  readonly orders: number;
  readonly payments: number;
  readonly others: number;
}

const none: UpstreamCounts = { orders: 0, payments: 0, others: 0 };
const counts = { ...none };
let lastId = 0n;

function answer<Response>(kind: keyof UpstreamCounts, respond: () => Response): handleUnaryCall<unknown, Response> {
  return (_call, callback) => {
    counts[kind]++;
    callback(null, respond());
  };
}

async function listen(
  definition: typeof OrderServiceService | typeof PaymentServiceService,
  handlers: UntypedServiceImplementation,
) {
  const server = new Server();
  server.addService(definition, handlers);
  return new Promise<string>((resolve, reject) => {
    server.bindAsync("localhost:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(`localhost:${port}`);
    });
  });
}

const ready: UpstreamReady = {
  orderAddress: await listen(OrderServiceService, {
    createOrder: answer("orders", () => ({ orderId: ++lastId })),
    cancelOrder: answer("others", () => ({})),
  }),
  paymentAddress: await listen(PaymentServiceService, {
    createPayment: answer("payments", () => ({ paymentId: ++lastId })),
    cancelPayment: answer("others", () => ({})),
  }),
};

answerCommands(ready, {
  counts(): UpstreamCounts {
    const result = { ...counts };
    Object.assign(counts, none);
    return result;
  },
});
