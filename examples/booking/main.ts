import { runServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { createUpstreamProcesses } from "./upstream-processes.js";

// The example brings its own order and payment services. Set BOOKING_UPSTREAMS=external to use others at the
// configured addresses.
const upstreams = createUpstreamProcesses();

await runServer({
  name: "booking server",
  services: [bookingService],
  defaults: {
    upstreams: {
      "pb.OrderService": { address: "localhost:10001" },
      "pb.PaymentService": { address: "localhost:10002" },
    },
  },
  prepare: process.env.BOOKING_UPSTREAMS === "external" ? async () => {} : upstreams.start,
  onClosed: upstreams.stop,
});
