import type { ServiceError } from "@grpc/grpc-js";
import type { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { ErrorInfo } from "../../runtime/pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../../runtime/pb/google/rpc/status.js";
import { callUnary } from "./call-unary.js";

/** How a booking differs from the usual one. */
export interface BookingOptions {
  readonly faultInject?: boolean;
  readonly productId?: bigint;
  /** Default: sync */
  readonly mode?: Mode;
  /** How long the client waits, ms. Default: 20,000 */
  readonly deadlineMs?: number;
  /** The client hangs up when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Which of the three RPCs books. */
export type Mode = "sync" | "async" | "throttled";

/** The answer that a client got. */
export interface Answer {
  /** 0: OK. */
  readonly code: number;
  readonly message: string;
  /** If it succeeded: the id in the response. */
  readonly requestId?: string;
  readonly orderId?: bigint;
  readonly paymentId?: bigint;
  readonly info?: ErrorInfo | undefined;
}

/** Books through a client. A failure is an answer, too. */
export async function bookWith(
  client: BookingServiceClient,
  requestId: string,
  { faultInject = false, productId = 1n, mode = "sync", deadlineMs = 20_000, signal }: BookingOptions = {},
): Promise<Answer> {
  const request = { ProductID: productId, Count: 1n, FaultInject: faultInject };
  const options = { deadline: Date.now() + deadlineMs };
  const metadata = { "x-request-id": requestId };
  try {
    if (mode === "async") {
      const answer = await callUnary(client, client.handleAsyncBooking, request, metadata, options, signal);
      return { code: 0, message: "", requestId: answer.RequestID };
    }
    const method = mode === "sync" ? client.handleSyncBooking : client.handleThrottledBooking;
    const answer = await callUnary(client, method, request, metadata, options, signal);
    const { RequestID, OrderID, PaymentID } = answer;
    return { code: 0, message: "", requestId: RequestID, orderId: OrderID, paymentId: PaymentID };
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    return { code, message: details, info: infoOf(metadata.get("grpc-status-details-bin")[0]) };
  }
}

function infoOf(details: string | Buffer | undefined): ErrorInfo | undefined {
  if (!Buffer.isBuffer(details)) {
    return undefined;
  }
  const [any] = RpcStatus.decode(details).details;
  return any === undefined ? undefined : ErrorInfo.decode(any.value);
}
