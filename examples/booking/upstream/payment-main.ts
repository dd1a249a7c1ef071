import { startPaymentService } from "./payment-service.js";
import { runMain } from "./shared/run-main.js";

await runMain({ name: "payment service", address: "localhost:10002", start: startPaymentService });
