import type { ConfigInput } from "../../runtime/config/schema.js";
import { type FaultyUpstream, startFaultyOrderService, startFaultyPaymentService } from "./faulty-upstream.js";
import { type Ledgers, readLedgers } from "./ledger-reader.js";
import type { Scope } from "./scope.js";

/** The upstreams of the booking example, and the configuration of a program that calls them. */
export interface BookingUpstreams {
  readonly config: ConfigInput;
  readonly orders: FaultyUpstream;
  readonly payments: FaultyUpstream;
  ledgers(): Ledgers;
}

/** Starts the upstreams; they end with the test. */
export async function startBookingUpstreams(scope: Scope): Promise<BookingUpstreams> {
  const ledgers = scope.memoryDir();
  const at = { address: "localhost:0", data: ledgers };
  const orders = scope.use(await startFaultyOrderService(at));
  const payments = scope.use(await startFaultyPaymentService(at));
  const upstreams = {
    "pb.OrderService": { address: `localhost:${orders.port}` },
    "pb.PaymentService": { address: `localhost:${payments.port}` },
  };
  const config = { data_dir: scope.tempDir(), log_level: "silent" as const, upstreams };
  return { config, orders, payments, ledgers: () => readLedgers(ledgers) };
}
