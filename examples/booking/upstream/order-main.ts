import { startOrderService } from "./order-service.js";
import { runMain } from "./shared/run-main.js";

await runMain({ name: "order service", address: "localhost:10001", start: startOrderService });
