import type { Counts } from "../counts.js";
import type { ChaosOptions } from "../options.js";
import type { Place } from "../place/place.js";
import { backendFaults } from "./backend-faults.js";
import type { Fault } from "./fault.js";
import { networkFaults } from "./network-faults.js";
import { processFaults } from "./process-faults.js";

/**
 * All faults of a run. How often they come leaves it time to get somewhere in between: an embedded server is back in
 * half a second; after a member of a Kafka group was killed, its share waits for the session's end.
 */
export function allFaults(place: Place, counts: Counts, { broker }: ChaosOptions): readonly Fault[] {
  const kafka = broker === "kafka";
  return [
    ...processFaults(place, counts, {
      killPod: kafka ? 2_000 : 200,
      progress: kafka ? 60 : 30,
      progressMs: kafka ? 5_000 : 2_000,
      killUpstream: 600,
      stallPod: 8_000,
      stallUpstream: 8_000,
      leave: 10_000,
    }),
    ...networkFaults(place.links, counts, 2_000),
    ...backendFaults(place, counts, { database: 10_000, broker: 14_000 }),
  ];
}
