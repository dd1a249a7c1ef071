// Side c: the generated facade as a user gets it, on its journal in SQLite with an fsync before each effect.
import { startServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { answerCommands } from "../support/worker.js";
import type { FacadeReady } from "./side.js";

const [orderAddress = "", paymentAddress = "", data = ""] = process.argv.slice(2);

const server = await startServer({
  services: [bookingService],
  config: {
    listen: "localhost:0",
    data_dir: data,
    upstreams: {
      "pb.OrderService": { address: orderAddress },
      "pb.PaymentService": { address: paymentAddress },
    },
  },
});

answerCommands({ address: `localhost:${server.port}` } satisfies FacadeReady);
