import { NestFactory } from "@nestjs/core";
import { expect, test } from "vitest";
import { BookingModule } from "../../examples/nestjs/booking.module.js";
import { startBookingUpstreams } from "../support/booking-upstreams.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";

const scope = createScope();

test("a controller of NestJS runs sagas, and answers with their failures", async () => {
  const { config, ledgers } = await startBookingUpstreams(scope);
  const app = scope.use(await NestFactory.create(BookingModule.with({ config }), { logger: false }));
  await app.listen(0, "localhost");
  const url = `${await app.getUrl()}/bookings`;
  const book = async (id: string, body: object) => {
    const headers = { "content-type": "application/json", "x-request-id": id };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    return { code: response.status, body: (await response.json()) as unknown };
  };

  const booked = await book("a", { ProductID: "1", Count: "2" });
  expect(booked).toEqual({ code: 201, body: { RequestID: "a", OrderID: "1", PaymentID: "2" } });
  expect(await book("a", { ProductID: "1", Count: "2" }), "the recorded answer").toEqual(booked);
  expect(await book("a", { ProductID: "7" })).toMatchObject({ code: 409, body: { reason: "SAGA_REQUEST_ID_TAKEN" } });
  expect(await book("b", { ProductID: "1", FaultInject: true })).toEqual({
    code: 400,
    body: {
      reason: "SAGA_STEP_FAILED",
      message: "payment refused: fault_inject is set",
      sagaId: "b",
      step: "createPayment",
    },
  });
  await until(() => ledgers().orders.entries.some(({ status }) => status === "cancelled"));
});
