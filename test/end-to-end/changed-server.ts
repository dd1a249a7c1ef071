// The booking server as its next version might be: each facade has lost its payment, and so has another structure.
import { type FacadeDefinition, runServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";

function changed(facade: FacadeDefinition): FacadeDefinition {
  const { topics, steps, mode } = facade;
  return {
    ...facade,
    fingerprint: "0".repeat(64),
    steps: steps.slice(0, 1),
    topics: { ...topics, steps: topics.steps.slice(0, 1) },
    ...(mode !== "async" && { respond: ({ sagaId }) => ({ RequestID: sagaId, OrderID: 7n, PaymentID: 0n }) }),
  };
}

const facades = Object.entries(bookingService.facades).map(([name, facade]) => [name, changed(facade)]);

await runServer({
  name: "changed server",
  services: [{ ...bookingService, facades: Object.fromEntries(facades) }],
});
