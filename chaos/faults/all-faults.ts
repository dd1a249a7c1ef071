import type { Cluster } from "../cluster/cluster.js";
import type { Counts } from "../counts.js";
import type { ChaosOptions } from "../options.js";
import { backendFaults } from "./backend-faults.js";
import type { Fault } from "./fault.js";
import { networkFaults } from "./network-faults.js";
import { processFaults } from "./process-faults.js";

/**
 * All faults of a run. Their rates leave time for progress in between: without Kafka a server is back in half a second;
 * with Kafka the partitions of a killed member wait until its session times out.
 */
export function allFaults(cluster: Cluster, counts: Counts, { broker }: ChaosOptions): readonly Fault[] {
  const kafka = broker === "kafka";
  return [
    ...processFaults(cluster, counts, {
      killPod: kafka ? 2_000 : 200,
      progress: kafka ? 60 : 30,
      progressMs: kafka ? 5_000 : 2_000,
      killUpstream: 600,
      stallPod: 8_000,
      stallUpstream: 8_000,
      leave: 10_000,
    }),
    ...networkFaults(cluster.links, counts, 2_000),
    ...backendFaults(cluster, counts, { database: 10_000, broker: 14_000 }),
  ];
}
