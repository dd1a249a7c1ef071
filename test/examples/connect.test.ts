import { createServer } from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { BookingService } from "../../examples/connect/generated/pb/booking/booking_pb.js";
import { bookingRoutes } from "../../examples/connect/routes.js";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { createSagas } from "../../runtime/grpc/sagas.js";
import { startBookingUpstreams } from "../support/booking-upstreams.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";

const scope = createScope();

test("a service of connect-es runs sagas, for clients of Connect and of gRPC", async () => {
  const { config, ledgers } = await startBookingUpstreams(scope);
  const sagas = createSagas({ services: [bookingService], config });
  scope.defer(() => sagas.stop());
  await sagas.start();
  const server = createServer(connectNodeAdapter({ routes: bookingRoutes(sagas) }));
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  scope.use(server);
  const at = server.address();
  const baseUrl = `http://localhost:${typeof at === "object" && at !== null ? at.port : 0}`;
  const session = new Http2SessionManager(baseUrl);
  scope.defer(() => session.abort());
  const overConnect = createClient(
    BookingService,
    createConnectTransport({ baseUrl, httpVersion: "2", sessionManager: session }),
  );
  const overGrpc = createClient(BookingService, createGrpcTransport({ baseUrl, sessionManager: session }));

  const id = (requestId: string) => ({ headers: { "x-request-id": requestId } });
  const request = { ProductID: 1n, Count: 2n };
  expect(await overConnect.handleSyncBooking(request, id("a"))).toMatchObject({ OrderID: 1n, PaymentID: 2n });
  expect(await overGrpc.handleSyncBooking(request, id("a"))).toMatchObject({ OrderID: 1n, PaymentID: 2n });
  expect(await overGrpc.handleThrottledBooking(request, id("b"))).toMatchObject({ RequestID: "b", OrderID: 3n });
  expect(await overConnect.handleAsyncBooking(request, id("c"))).toMatchObject({ RequestID: "c" });
  await until(() => ledgers().payments.entries.some(({ requestId }) => requestId === "c"));

  const refused = ConnectError.from(await overGrpc.handleSyncBooking({ FaultInject: true }, id("d")).catch((e) => e));
  expect(refused).toMatchObject({ code: Code.InvalidArgument, rawMessage: "payment refused: fault_inject is set" });
  expect(refused.metadata.get("saga-reason")).toBe("SAGA_STEP_FAILED");
});
