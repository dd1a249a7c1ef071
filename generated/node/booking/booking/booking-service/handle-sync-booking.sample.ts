import type { Sample } from "protosaga/testing";
import type { HandleSyncBookingDto } from "../../../../dto/booking/booking/booking-service/handle-sync-booking.js";

/**
 * What the fault matrix runs pb.BookingService/HandleSyncBooking with. The messages that you leave out are made up.
 * @example { request: { … }, responses: { createOrder: { … } } }
 */
export const sample: Sample<HandleSyncBookingDto> = {};
