import { runSeed } from "./run.js";

/** What came of many runs. */
export interface Tally {
  readonly runs: number;
  readonly events: number;
  /** How often each fault fired, each end came, and so on. */
  readonly counts: Readonly<Record<string, number>>;
  /** Seeds that failed, with what they violated first. */
  readonly failures: readonly { readonly seed: number; readonly invariant: string; readonly what: string }[];
}

/** Seeds to run. */
export interface Exploration {
  readonly firstSeed: number;
  readonly runs: number;
  /** From one seed to the next: as many as there are explorers. Default: 1 */
  readonly stride?: number;
  /** Whether to stop before all are run. */
  readonly enough?: (failures: number) => boolean;
}

/** Runs seeds one after the other. A rejection that nobody handles is a failure of the run that it came in. */
export async function explore({ firstSeed, runs, stride = 1, enough = () => false }: Exploration): Promise<Tally> {
  const counts: Record<string, number> = {};
  const failures: { seed: number; invariant: string; what: string }[] = [];
  let events = 0;
  let done = 0;
  let unhandled: unknown;
  const note = (error: unknown) => {
    unhandled = error ?? new Error("a rejection without a reason");
  };
  const count = (what: string, times: number) => {
    counts[what] = (counts[what] ?? 0) + times;
  };
  process.on("unhandledRejection", note);
  try {
    for (; done < runs && !enough(failures.length); done++) {
      const seed = (firstSeed + done * stride) >>> 0;
      const result = await runSeed(seed);
      events += result.events;
      for (const { kind } of result.fired) {
        count(`fault ${kind}`, 1);
      }
      for (const [what, times] of result.counts) {
        count(what, times);
      }
      const [first] = result.violations;
      if (first !== undefined) {
        failures.push({ seed, invariant: first.invariant, what: first.what });
      } else if (unhandled !== undefined) {
        failures.push({ seed, invariant: "no rejection is unhandled", what: String(unhandled) });
      }
      unhandled = undefined;
    }
  } finally {
    process.off("unhandledRejection", note);
  }
  return { runs: done, events, counts, failures };
}

/** Two tallies as one. */
export function add(one: Tally, other: Tally): Tally {
  const counts = { ...one.counts };
  for (const [what, times] of Object.entries(other.counts)) {
    counts[what] = (counts[what] ?? 0) + times;
  }
  return {
    runs: one.runs + other.runs,
    events: one.events + other.events,
    counts,
    failures: [...one.failures, ...other.failures],
  };
}
