import { setTimeout as sleep } from "node:timers/promises";
import type { Round } from "../support/figures.js";
import { note } from "../support/rounds.js";
import { type Cast, errorsIn, runSlice } from "../support/slice.js";
import { median, rounded, sum } from "../support/statistics.js";
import type { Stats } from "./facade.js";
import type { BenchOptions } from "./options.js";
import { lull, type Side, type Stage, sides, wake } from "./stage.js";

/** How fast removal was. */
export interface Removal {
  /** Sagas per second without and with the load. */
  readonly idle_per_second: number | null;
  readonly loaded_per_second: number | null;
}

/** How long entries of the running load took to be durable, ms; `max` is the longest of all rounds. */
export interface Entries {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
}

/** The results of the load. */
export interface Load {
  readonly rounds: readonly Round<Side>[];
  readonly entries: Readonly<Record<Side, Entries>>;
  readonly removedPerSecond: number;
  readonly errors: number;
}

/** Runs the load on all sides in turn. A server is suspended while another one is measured. */
export async function measureLoad(casts: Stage["casts"], options: BenchOptions): Promise<Load> {
  const { concurrency, rounds, seconds } = options;
  const rampMs = Math.min(400, seconds * 200);
  const order = [...casts];
  for (const [side, cast] of order) {
    wake(cast);
    await runSlice(cast, { concurrency, seconds: Math.min(2, seconds), rampMs });
    await lull(cast);
    note(`  warm-up, ${side}`);
  }
  const results: Round<Side>[] = [];
  const stats = new Map<Side, Stats[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    const slices: Round<Side> = {};
    for (const [side, cast] of order) {
      wake(cast);
      await cast.facade.ask("stats");
      const slice = await runSlice(cast, { concurrency, seconds, rampMs });
      const seen = await cast.facade.ask<Stats>("stats");
      await lull(cast);
      slices[side] = slice;
      stats.get(side)?.push(seen);
      note(
        `  round ${round + 1}/${rounds}, ${side}: ${slice.perSecond.toFixed(0)}/s, removed ${seen.removed} in ${seen.removalMs.toFixed(0)} ms`,
      );
      if (errorsIn(slice) > 0) note(`  errors: ${JSON.stringify(slice.errors)}`);
    }
    results.push(slices);
    order.push(...order.splice(0, 1));
  }
  const removed = stats.get("removing")?.map((each) => each.removed) ?? [];
  return {
    rounds: results,
    entries: Object.fromEntries(sides.map((side) => [side, entriesOf(stats.get(side) ?? [])])) as Load["entries"],
    removedPerSecond: sum(removed) / (rounds * (seconds + (2 * rampMs) / 1_000)),
    errors: sum(results.flatMap((each) => Object.values(each)).map(errorsIn)),
  };
}

/** How many sagas per second are removed without load. */
export async function measureIdleRemoval({ facade }: Cast, seconds: number): Promise<number> {
  // The first removal is some seconds after the start.
  await facade.ask("stats");
  while ((await facade.ask<Stats>("stats")).removed === 0) await sleep(50);
  await sleep(seconds * 1_000);
  return (await facade.ask<Stats>("stats")).removed / seconds;
}

function entriesOf(all: readonly Stats[]): Entries {
  return {
    p50_ms: rounded(median(all.map(({ entryP50Ms }) => entryP50Ms)), 2),
    p99_ms: rounded(median(all.map(({ entryP99Ms }) => entryP99Ms)), 2),
    max_ms: rounded(Math.max(...all.map(({ entryMaxMs }) => entryMaxMs)), 1),
  };
}
