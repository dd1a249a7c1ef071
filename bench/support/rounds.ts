import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Round } from "./figures.js";
import { type Cast, errorsIn, runSlice, type Slice } from "./slice.js";

/** How often, at which concurrencies and for how long is measured. */
export interface RoundOptions {
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
}

/** All rounds at all concurrencies; the first side rotates from round to round. */
export async function measureRounds<Side extends string>(
  casts: ReadonlyMap<Side, Cast>,
  { concurrencies, rounds, seconds }: RoundOptions,
): Promise<Map<number, Round<Side>[]>> {
  const rampMs = Math.min(400, seconds * 200);
  const order = [...casts];
  // Once at full load, without counting, so that the first side does not run code that is not compiled yet.
  for (const [side, cast] of order) {
    const slice = await runSlice(cast, { concurrency: 64, seconds: Math.min(2, seconds), rampMs });
    report(`warm-up, ${side}`, slice);
  }
  const results = new Map<number, Round<Side>[]>(concurrencies.map((concurrency) => [concurrency, []]));
  for (let round = 0; round < rounds; round++) {
    for (const concurrency of concurrencies) {
      const slices: Round<Side> = {};
      for (const [side, cast] of order) {
        const slice = await runSlice(cast, { concurrency, seconds, rampMs });
        slices[side] = slice;
        report(`round ${round + 1}/${rounds}, ${concurrency} clients, ${side}`, slice);
      }
      results.get(concurrency)?.push(slices);
    }
    order.push(...order.splice(0, 1));
  }
  return results;
}

/** One more slice of each side at full load, without counting, with a CPU profile of its facade. */
export async function profileSides(casts: ReadonlyMap<string, Cast>, seconds: number, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [side, cast] of casts) {
    await cast.facade.ask("profile");
    report(`profile, ${side}`, await runSlice(cast, { concurrency: 64, seconds, rampMs: 300 }));
    await cast.facade.ask("profiled", join(folder, `${side}.cpuprofile`));
  }
}

function report(what: string, slice: Slice): void {
  note(`${what}: ${slice.perSecond.toFixed(0)}/s, ${slice.facadeCpuMs.toFixed(2)} CPU-ms`);
  if (errorsIn(slice) > 0) note(`  errors: ${JSON.stringify(slice.errors)}`);
}

/** Prints progress to stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
