// Sagas behind an HTTP controller of NestJS.
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Headers,
  Inject,
  type OnApplicationShutdown,
  type OnModuleInit,
  Post,
  UseFilters,
} from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { createSagas, SagaRunError, type Sagas, type SagasOptions, Status } from "protosaga";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest, BookingSyncResponse } from "../../generated/pb/booking/booking.js";

const SAGAS = Symbol("sagas");

const httpStatus: Readonly<Partial<Record<number, number>>> = {
  [Status.INVALID_ARGUMENT]: 400,
  [Status.FAILED_PRECONDITION]: 400,
  [Status.ALREADY_EXISTS]: 409,
  [Status.RESOURCE_EXHAUSTED]: 429,
  [Status.UNAVAILABLE]: 503,
  [Status.DEADLINE_EXCEEDED]: 504,
};

/** Answers with the status of the saga. */
@Catch(SagaRunError)
class SagaErrors implements ExceptionFilter<SagaRunError> {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  catch({ status, reason, plain: message, sagaId, step }: SagaRunError, host: ArgumentsHost): void {
    const code = httpStatus[status] ?? 500;
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), { reason, message, sagaId, step }, code);
  }
}

/** POST /bookings with the JSON of a BookingRequest. Repeat a request with the same `x-request-id`. */
@Controller("bookings")
@UseFilters(SagaErrors)
class BookingController {
  constructor(@Inject(SAGAS) private readonly sagas: Sagas) {}

  @Post()
  async book(@Body() body: unknown, @Headers() headers: Readonly<Record<string, string | undefined>>) {
    const request = BookingRequest.fromJSON(body);
    const { "x-request-id": requestId } = headers;
    const response = await this.sagas.run(handleSyncBooking, request, {
      requestId,
      deadlineMs: 10_000,
      metadata: headers,
    });
    return BookingSyncResponse.toJSON(response);
  }
}

/** The bookings of an application: `BookingModule.with({ config })`. The sagas start and stop with the application. */
export class BookingModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(SAGAS) private readonly sagas: Sagas) {}

  static with(options: Omit<SagasOptions, "services">): DynamicModule {
    const sagas = { provide: SAGAS, useFactory: () => createSagas({ ...options, services: [bookingService] }) };
    return { module: BookingModule, controllers: [BookingController], providers: [sagas] };
  }

  async onModuleInit(): Promise<void> {
    await this.sagas.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sagas.drain();
    await this.sagas.stop();
  }
}
