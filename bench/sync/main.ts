// npm run -s bench:sync: the generated facade beside two hand-written ones. See bench/README.md.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../support/child.js";
import { type BenchOptions, readOptions, usage } from "./options.js";
import { type FacadeReady, type Side, sides } from "./side.js";
import { type Cast, runSlice, type Slice } from "./slice.js";
import { errorsIn, type Round, summarize } from "./summary.js";
import { table } from "./table.js";
import type { UpstreamReady } from "./upstream.js";

const clientCount = 2;

/** Starts every process before anything is measured: an idle one costs the others nothing. */
async function startAll(options: BenchOptions, data: string): Promise<Map<Side, Cast>> {
  const here = (file: string) => new URL(file, import.meta.url);
  const upstream = await startChild<UpstreamReady>(here("upstream.ts"));
  const { orderAddress, paymentAddress } = upstream.ready;
  const clients: Child<undefined>[] = [];
  for (let i = 0; i < clientCount; i++) clients.push(await startChild(here("client.ts")));
  const casts = new Map<Side, Cast>();
  for (const side of options.sides) {
    const facade = await startChild<FacadeReady>(here(sides[side].file), [orderAddress, paymentAddress, data]);
    await Promise.all(clients.map((client) => client.ask("connect", facade.ready.address)));
    casts.set(side, { facade, upstream, clients });
  }
  return casts;
}

/** All rounds at all concurrencies; the first side rotates from round to round. */
async function measure(casts: ReadonlyMap<Side, Cast>, options: BenchOptions): Promise<Map<number, Round[]>> {
  const { concurrencies, rounds, seconds } = options;
  const rampMs = Math.min(400, seconds * 200);
  const order = [...casts];
  // Once at full load, uncounted: the first side measured must not be the one that runs code not yet compiled.
  for (const [side, cast] of order) {
    const slice = await runSlice(cast, { concurrency: 64, seconds: Math.min(2, seconds), rampMs });
    report(`warm-up, ${side}`, slice);
  }
  const results = new Map<number, Round[]>(concurrencies.map((concurrency) => [concurrency, []]));
  for (let round = 0; round < rounds; round++) {
    for (const concurrency of concurrencies) {
      const slices: Round = {};
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

function report(what: string, slice: Slice): void {
  note(`${what}: ${slice.perSecond.toFixed(0)} calls/s`);
  if (errorsIn(slice) > 0) note(`  errors: ${JSON.stringify(slice.errors)}`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  // Beside the user's own data and not in the system's temporary folder, which may be in memory: fsync is free there.
  mkdirSync(options.data, { recursive: true });
  const data = mkdtempSync(join(options.data, "bench-"));
  process.on("exit", () => rmSync(data, { recursive: true, force: true }));
  const results = await measure(await startAll(options, data), options);
  const rows = [...results].map(([concurrency, rounds]) => summarize(concurrency, rounds));
  process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `\n${table(rows)}`);
  return rows.some((row) => row.errors > 0) ? 1 : 0;
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(signal, () => process.exit(code));
}
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    note(`bench:sync: ${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`);
    process.exit(1);
  },
);
