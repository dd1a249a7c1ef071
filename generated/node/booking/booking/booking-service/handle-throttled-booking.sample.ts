import type { Sample } from "protosaga/testing";
import type { HandleThrottledBookingDto } from "../../../../dto/booking/booking/booking-service/handle-throttled-booking.js";

/**
 * What the fault matrix runs pb.BookingService/HandleThrottledBooking with. The messages that you leave out are made up.
 * @example { request: { … }, responses: { createOrder: { … } } }
 */
export const sample: Sample<HandleThrottledBookingDto> = {};
