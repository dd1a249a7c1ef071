import { openOrderService } from "../../examples/booking/upstream/order-service.js";
import { openPaymentService } from "../../examples/booking/upstream/payment-service.js";
import { type RunningServer, serve } from "../../examples/booking/upstream/shared/serve.js";
import type { Upstream, UpstreamOptions } from "../../examples/booking/upstream/shared/upstream.js";
import { type Faults, withFaults } from "./faults.js";

/** The real service on its real ledger. Calls are recorded, and fail as planned. */
export interface FaultyUpstream extends RunningServer, Faults {}

/** Runs the order service in this process: `orders.plan("createOrder", { fail: … })`. */
export function startFaultyOrderService({ address, data }: UpstreamOptions): Promise<FaultyUpstream> {
  return startFaulty(address, openOrderService(data));
}

/** Runs the payment service in this process: `payments.plan("createPayment", { hang: true })`. */
export function startFaultyPaymentService({ address, data }: UpstreamOptions): Promise<FaultyUpstream> {
  return startFaulty(address, openPaymentService(data));
}

async function startFaulty(address: string, upstream: Upstream): Promise<FaultyUpstream> {
  const { handlers, faults } = withFaults(upstream.handlers);
  // Without a grace period: calls that hang as planned would delay the close.
  const server = await serve(address, { ...upstream, handlers }, { graceMs: 100 });
  return { ...server, ...faults };
}
