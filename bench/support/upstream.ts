// The order and payment services that every side calls: in memory and as cheap as possible, because a durable
// ledger would hide the cost of the facade. Both are in ONE process, each on its own port: a facade
// has two connections, as in production, but there is one process less on the two cores, so that the facades and not
// the scheduler are measured. At 0.1 to 0.3 ms of CPU a booking this process is not the limit; the table shows its
// share.
import { type handleUnaryCall, Server, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { OrderServiceService } from "../../generated/pb/booking/order.js";
import { PaymentServiceService } from "../../generated/pb/booking/payment.js";
import { listen } from "./listen.js";
import { answerCommands } from "./worker.js";

/** Where the two services listen. */
export interface UpstreamReady {
  readonly orderAddress: string;
  readonly paymentAddress: string;
}

/** The calls since the last question. */
export interface UpstreamCounts {
  readonly orders: number;
  readonly payments: number;
  readonly others: number;
}

/** How the services behave from now on. At the start they answer at once, and count nothing. */
export interface UpstreamManners {
  /** How long each answer takes, ms. */
  readonly latencyMs: number;
  /** Whether calls are counted by their idempotency key, for `audit`; earlier counts are reset. */
  readonly remember: boolean;
}

/** What is wrong with a number of sagas, each of which should have called each service once. */
export interface Audit {
  /** Calls that never arrived. */
  readonly missing: number;
  /** Keys that arrived more than once. */
  readonly repeated: number;
  /** Keys of other sagas, and of compensations. */
  readonly stray: number;
}

const none: UpstreamCounts = { orders: 0, payments: 0, others: 0 };
const counts = { ...none };
let lastId = 0n;
let latencyMs = 0;
let callsByKey: Map<string, number> | undefined;

function answer<Response>(kind: keyof UpstreamCounts, respond: () => Response): handleUnaryCall<unknown, Response> {
  return ({ metadata }, callback) => {
    counts[kind]++;
    if (callsByKey !== undefined) {
      const key = String(metadata.get("idempotency-key")[0]);
      callsByKey.set(key, (callsByKey.get(key) ?? 0) + 1);
    }
    if (latencyMs === 0) callback(null, respond());
    else setTimeout(() => callback(null, respond()), latencyMs);
  };
}

function serve(
  definition: typeof OrderServiceService | typeof PaymentServiceService,
  handlers: UntypedServiceImplementation,
): Promise<string> {
  const server = new Server();
  server.addService(definition, handlers);
  return listen(server);
}

const ready: UpstreamReady = {
  orderAddress: await serve(OrderServiceService, {
    createOrder: answer("orders", () => ({ orderId: ++lastId })),
    cancelOrder: answer("others", () => ({})),
  }),
  paymentAddress: await serve(PaymentServiceService, {
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
  behave(manners: UpstreamManners): void {
    latencyMs = manners.latencyMs;
    callsByKey = manners.remember ? new Map() : undefined;
  },
  audit(sagaIds: readonly string[]): Audit {
    const calls = callsByKey ?? new Map<string, number>();
    const expected = new Set(sagaIds.flatMap((id) => [`${id}/createOrder`, `${id}/createPayment`]));
    return {
      missing: [...expected].filter((key) => !calls.has(key)).length,
      repeated: [...calls.values()].filter((count) => count > 1).length,
      stray: [...calls.keys()].filter((key) => !expected.has(key)).length,
    };
  },
});
