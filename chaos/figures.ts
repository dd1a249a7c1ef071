import type { SagaSeen } from "./check/saga-seen.js";
import type { Counts } from "./counts.js";
import { habits } from "./load/booking.js";
import type { History } from "./load/clients.js";
import { type ChaosOptions, defaultSeconds } from "./options.js";
import { misbehaviours } from "./upstream/misbehave.js";

/** Counts how sagas ended, and what their clients did. */
export function countEnds(counts: Counts, histories: readonly History[], sagas: ReadonlyMap<string, SagaSeen>): void {
  for (const { booking } of histories) {
    counts.add(`sagas ${booking.mode} ${sagas.get(booking.id)?.state ?? "none"}`);
    counts.add(`clients: ${booking.habit}`);
  }
}

/** What a run should have done and did not: nobody was killed; in a long enough one, any kind of fault. */
export function neverHappened(counts: Counts, { seconds, journal, broker, pods }: ChaosOptions): readonly string[] {
  const never: string[] = [];
  if (counts.sum("SIGKILL") === 0) never.push("nobody was killed");
  if (counts.sum("sagas") === 0) never.push("there was no saga");
  if (seconds < defaultSeconds) return never;
  const ways = ["clients", "upstream"];
  const expected = ["SIGKILL pod", "SIGKILL order", "SIGKILL payment", "SIGSTOP pod", "SIGTERM pod"];
  if (journal === "postgres") {
    ways.push("database");
    expected.push("SIGKILL database", "SIGSTOP database", "restart database");
  }
  if (broker === "kafka") {
    ways.push("broker");
    expected.push("SIGKILL broker", "restart broker");
  }
  expected.push("comes back under its old name", ...(pods > 1 ? ["comes back under a new name"] : []));
  for (const way of ways) {
    expected.push(...["connections cut", "way closed", "way frozen", "delayed"].map((what) => `${what} (${way})`));
  }
  expected.push(...habits.map((habit) => `clients: ${habit}`), ...misbehaviours.map((what) => `misbehaves: ${what}`));
  return [...never, ...expected.filter((name) => counts.of(name) === 0).map((name) => `never happened: ${name}`)];
}
