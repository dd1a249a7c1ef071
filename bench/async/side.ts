import type { FacadePlaces } from "../support/facade.js";

/** What is compared; each is a process of its own. */
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

/** What a side's process is started with, as JSON in its first argument. */
export interface AsyncSetup extends FacadePlaces {
  readonly brokers: readonly string[];
  readonly partitions: number;
  /** Of the baseline of accepting: whether it does the sagas' work once it has answered. */
  readonly afterwards?: boolean;
}

/** The setup of this process. */
export function readSetup(): AsyncSetup {
  return JSON.parse(process.argv[2] ?? "{}") as AsyncSetup;
}
