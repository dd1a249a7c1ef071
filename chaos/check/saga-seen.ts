import { type ServiceError, status } from "@grpc/grpc-js";
import { BookingASyncResponse, BookingSyncResponse } from "../../generated/pb/booking/booking.js";
import { type Saga, type SagaServiceClient, SagaState } from "../../runtime/pb/saga/v1/service.js";
import { callUnary } from "../../test/support/call-unary.js";

/** A saga's end, as a pod reports it. */
export interface SagaSeen {
  readonly state: "COMPLETED" | "COMPENSATED" | "STUCK" | "open" | "none";
  readonly facade?: string;
  /** The failure's status code; undefined if none is known. */
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  readonly requestId?: string;
  /** Of a sync or throttled saga's response. */
  readonly orderId?: bigint;
  readonly paymentId?: bigint;
  /** The whole saga if it is not COMPLETED, to find out why. */
  readonly raw?: unknown;
}

/** Asks a pod for a saga. @throws ServiceError if the pod does not answer */
export async function fetchSaga(client: SagaServiceClient, requestId: string): Promise<SagaSeen> {
  try {
    const { saga } = await callUnary(client, client.getSaga, { requestId }, {}, { deadline: Date.now() + 5_000 });
    if (saga === undefined) throw new Error(`GetSaga ${requestId} answered no saga`);
    return toSeen(saga);
  } catch (error) {
    if ((error as ServiceError).code === status.NOT_FOUND) return { state: "none" };
    throw error;
  }
}

function toSeen(saga: Saga): SagaSeen {
  const { facade, failure, response } = saga;
  return {
    state: stateOf(saga.state),
    facade,
    code: failure?.code,
    reason: failure?.reason,
    ...(response === undefined ? {} : idsOf(response.typeUrl, response.value)),
    ...(saga.state === SagaState.SAGA_STATE_COMPLETED ? {} : { raw: saga }),
  };
}

function idsOf(typeUrl: string, value: Uint8Array): Pick<SagaSeen, "requestId" | "orderId" | "paymentId"> {
  if (typeUrl.endsWith("/pb.BookingASyncResponse")) return { requestId: BookingASyncResponse.decode(value).RequestID };
  const { RequestID, OrderID, PaymentID } = BookingSyncResponse.decode(value);
  return { requestId: RequestID, orderId: OrderID, paymentId: PaymentID };
}

function stateOf(state: SagaState): SagaSeen["state"] {
  if (state === SagaState.SAGA_STATE_COMPLETED) return "COMPLETED";
  if (state === SagaState.SAGA_STATE_COMPENSATED) return "COMPENSATED";
  return state === SagaState.SAGA_STATE_STUCK ? "STUCK" : "open";
}
