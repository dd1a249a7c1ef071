import type { Sample } from "protosaga/testing";
import type { HandleAsyncBookingDto } from "../../../../dto/booking/booking/booking-service/handle-async-booking.js";

/**
 * What the fault matrix runs pb.BookingService/HandleAsyncBooking with. The messages that you leave out are made up.
 * @example { request: { … }, responses: { createOrder: { … } } }
 */
export const sample: Sample<HandleAsyncBookingDto> = {};
