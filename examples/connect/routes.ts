// Sagas behind a service of connect-es. `generated/pb` is what protoc-gen-es 2.12 generates from proto/booking.
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { isSagaRunError, type RunSagaOptions, type Sagas } from "protosaga";
import { handleAsyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-async-booking.js";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { handleThrottledBooking } from "../../generated/facade/booking/booking/booking-service/handle-throttled-booking.js";
import { BookingService } from "./generated/pb/booking/booking_pb.js";

/** The booking service for a Connect router: `connectNodeAdapter({ routes: bookingRoutes(sagas) })`. */
export function bookingRoutes(sagas: Sagas) {
  return (router: ConnectRouter) =>
    router.service(BookingService, {
      handleSyncBooking: (request, context) => sagas.run(handleSyncBooking, request, of(context)).catch(asConnect),
      handleAsyncBooking: (request, context) => sagas.run(handleAsyncBooking, request, of(context)).catch(asConnect),
      handleThrottledBooking: (request, context) =>
        sagas.run(handleThrottledBooking, request, of(context)).catch(asConnect),
    });
}

/** The client's request id, deadline, trace and wish to wait. */
function of({ requestHeader, signal, timeoutMs }: HandlerContext): RunSagaOptions {
  const requestId = requestHeader.get("x-request-id");
  if (requestId === null) {
    throw new ConnectError("missing x-request-id", Code.InvalidArgument);
  }
  const traceparent = requestHeader.get("traceparent") ?? undefined;
  return { requestId, signal, deadlineMs: timeoutMs(), metadata: { traceparent } };
}

/** Connect's codes are those of gRPC. */
function asConnect(error: unknown): never {
  throw isSagaRunError(error) ? new ConnectError(error.plain, error.status, { "saga-reason": error.reason }) : error;
}
