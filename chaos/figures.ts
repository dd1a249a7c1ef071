import type { SagaSeen } from "./check/saga-seen.js";
import type { Counts } from "./counts.js";
import { habits } from "./load/booking.js";
import type { History } from "./load/clients.js";
import { type ChaosOptions, defaultSeconds } from "./options.js";
import { misbehaviours } from "./upstream/misbehave.js";

/** Counts the sagas by end state and the clients by habit. */
export function countEnds(counts: Counts, histories: readonly History[], sagas: ReadonlyMap<string, SagaSeen>): void {
  for (const { booking } of histories) {
    counts.add(`sagas ${booking.mode} ${sagas.get(booking.id)?.state ?? "none"}`);
    counts.add(`clients: ${booking.habit}`);
  }
}

const linkFaults = ["connections closed", "connections refused", "connections frozen", "bytes delayed"];

/** The number of sagas among which each habit and each misbehaviour must occur. */
const sagasWithAll = 1_500;

/** What a run must do and did not: kill a process and, if it is long enough, cause each kind of fault. */
export function neverHappened(counts: Counts, { seconds, journal, broker, pods }: ChaosOptions): readonly string[] {
  const never: string[] = [];
  if (counts.sum("SIGKILL") === 0) never.push("no process was killed");
  if (counts.sum("sagas") === 0) never.push("no saga was started");
  if (seconds < defaultSeconds) return never;
  const links = ["clients", "upstream"];
  const expected = ["SIGKILL pod", "SIGKILL order", "SIGKILL payment", "SIGSTOP pod", "SIGTERM pod"];
  if (journal === "postgres") {
    links.push("database");
    expected.push("SIGKILL database", "SIGSTOP database", "restart database");
  }
  if (broker === "kafka") {
    links.push("broker");
    expected.push("SIGKILL broker", "restart broker");
  }
  expected.push("restart with the same pod id", ...(pods > 1 ? ["restart with a new pod id"] : []));
  for (const link of links) {
    expected.push(...linkFaults.map((what) => `${what} (${link})`));
  }
  // Each saga draws these. Some have less than 1%, and a busy machine starts few sagas.
  if (counts.sum("sagas") >= sagasWithAll) {
    expected.push(...habits.map((habit) => `clients: ${habit}`), ...misbehaviours.map((what) => `misbehaves: ${what}`));
  }
  return [...never, ...expected.filter((name) => counts.of(name) === 0).map((name) => `never happened: ${name}`)];
}
