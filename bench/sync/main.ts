// npm run -s bench:sync: the generated facade, compared with two hand-written ones. See bench/README.md.
import { type Child, startChild } from "../support/child.js";
import { type BenchPostgres, openPostgres } from "../support/postgres-server.js";
import { measureRounds } from "../support/rounds.js";
import { openDataFolder, runMain } from "../support/run-main.js";
import type { Cast } from "../support/slice.js";
import type { UpstreamReady } from "../support/upstream.js";
import { type BenchOptions, readOptions, usage } from "./options.js";
import { type FacadeReady, type Side, sides } from "./side.js";
import { summarize } from "./summary.js";
import { table } from "./table.js";

const clientCount = 2;

/** Starts every process before the measurements. An idle one costs the others nothing. */
async function startAll(
  options: BenchOptions,
  data: string,
  postgres: BenchPostgres | undefined,
): Promise<Map<Side, Cast>> {
  const here = (file: string) => new URL(file, import.meta.url);
  const upstream = await startChild<UpstreamReady>(here("../support/upstream.ts"));
  const { orderAddress, paymentAddress } = upstream.ready;
  const clients: Child<undefined>[] = [];
  for (let i = 0; i < clientCount; i++) clients.push(await startChild(here("../support/client.ts")));
  const casts = new Map<Side, Cast>();
  for (const side of options.sides) {
    const journal = side === "postgres" ? [postgres?.url ?? "", `bench_${Date.now()}`, "bench"] : [data];
    const facade = await startChild<FacadeReady>(here(sides[side].file), [orderAddress, paymentAddress, ...journal]);
    const target = { address: facade.ready.address, facade: "sync", timeoutMs: 10_000 } as const;
    await Promise.all(clients.map((client) => client.ask("connect", target)));
    casts.set(side, { facade, target, upstream, clients, broker: side === "postgres" ? postgres?.cpu : undefined });
  }
  return casts;
}

runMain("bench:sync", usage, async (args) => {
  const options = readOptions(args);
  const postgres = options.sides.includes("postgres") ? await openPostgres() : undefined;
  if (typeof postgres === "string") throw new Error(`side d needs PG_URL, or PostgreSQL's programs: ${postgres}`);
  const results = await measureRounds(await startAll(options, openDataFolder(options.data), postgres), options);
  const rows = [...results].map(([concurrency, rounds]) => summarize(concurrency, rounds));
  process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `\n${table(rows)}`);
  return rows.some((row) => row.errors > 0) ? 1 : 0;
});
