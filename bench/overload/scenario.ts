/** What bounds the server, and how long its queues may grow. */
export interface Scenario {
  readonly name: "slow" | "fast";
  readonly what: string;
  /** How many messages of each topic the server handles at the same time. */
  readonly topicConcurrency: number;
  /** How long an upstream takes to answer, ms. */
  readonly upstreamLatencyMs: number;
  /** How many sagas of each facade may be open. */
  readonly queueLimit: { readonly async: number; readonly throttled: number };
}

/** Which facade is called. */
export type OverloadFacade = "throttled" | "async";

/** Both. */
export const overloadFacades: readonly OverloadFacade[] = ["throttled", "async"];

/** The defaults of a server. */
const defaultQueueLimit = { async: 10_000, throttled: 1_000 } as const;

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  {
    name: "slow",
    what: "upstreams are slow: the configured concurrency is the limit",
    topicConcurrency: 16,
    upstreamLatencyMs: 20,
    queueLimit: defaultQueueLimit,
  },
  {
    name: "fast",
    what: "upstreams are fast: the processor is the limit",
    topicConcurrency: 64,
    upstreamLatencyMs: 0,
    queueLimit: defaultQueueLimit,
  },
];
