import type { FacadePlaces } from "../support/facade.js";

/** What is compared. Each side has its own process. */
export const sides = {
  sync: { file: "embedded-facade.ts", facade: "sync", kafka: false, what: "generated, sync" },
  embedded: { file: "embedded-facade.ts", facade: "async", kafka: false, what: "generated, embedded broker" },
  bare: { file: "bare-program.ts", facade: "async", kafka: true, what: "hand-written, Kafka, no journal" },
  kafka: { file: "kafka-facade.ts", facade: "async", kafka: true, what: "generated, Kafka" },
} as const;

/** One of the sides. */
export type Side = keyof typeof sides;

/** All sides. */
export const allSides: readonly Side[] = ["sync", "embedded", "bare", "kafka"];

/** The first argument of a side's process, as JSON. */
export interface AsyncSetup extends FacadePlaces {
  readonly brokers: readonly string[];
  readonly partitions: number;
  /** For the baseline of accepting: whether it makes the sagas' calls after its answer. */
  readonly afterwards?: boolean;
}

/** The setup of this process. */
export function readSetup(): AsyncSetup {
  return JSON.parse(process.argv[2] ?? "{}") as AsyncSetup;
}
