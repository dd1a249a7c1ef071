// The generated facade as a user gets it, on a journal in PostgreSQL: `<order> <payment> <url> <schema> <pod>`.
import { startServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { answerCommands } from "./worker.js";

const [orderAddress = "", paymentAddress = "", url = "", schema = "", pod = ""] = process.argv.slice(2);
const brokers = process.env.KAFKA_BROKERS?.split(",");

const server = await startServer({
  services: [bookingService],
  config: {
    listen: "localhost:0",
    pod_id: pod,
    journal: { kind: "postgres", postgres: { url, schema } },
    ...(brokers === undefined
      ? {}
      : { broker: { kind: "kafka" as const, kafka: { brokers } }, topic_prefix: `${schema}.` }),
    upstreams: {
      "pb.OrderService": { address: orderAddress },
      "pb.PaymentService": { address: paymentAddress },
    },
  },
});

answerCommands({ address: `localhost:${server.port}` });
