// npm run -s bench:growth: what a million ended sagas cost. See bench/README.md.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { postgresMissing, startPostgres } from "../../test/support/postgres.js";
import { type Child, startChild } from "../support/child.js";
import { figuresOf, ratioOf } from "../support/figures.js";
import { note } from "../support/rounds.js";
import { openDataFolder, runMain } from "../support/run-main.js";
import { rounded } from "../support/statistics.js";
import type { UpstreamReady } from "../support/upstream.js";
import { measureById } from "./by-id.js";
import { measureIdleRemoval, measureLoad } from "./load.js";
import { type Backend, type BenchOptions, readOptions, usage } from "./options.js";
import { lull, type Others, type Stage, sides, stagePostgres, stageSqlite, wake } from "./stage.js";
import { type Row, table } from "./table.js";

const clientCount = 2;

runMain("bench:growth", usage, async (args) => {
  const options = readOptions(args);
  const folder = openDataFolder(options.data);
  const upstream = await startChild<UpstreamReady>(new URL("../support/upstream.ts", import.meta.url));
  const clients: Child<undefined>[] = [];
  for (let i = 0; i < clientCount; i++)
    clients.push(await startChild(new URL("../support/client.ts", import.meta.url)));
  const rows: Row[] = [];
  for (const backend of options.backends) {
    note(`${backend}:`);
    const own = join(folder, backend);
    mkdirSync(own);
    const stage = await open(backend, { upstream, clients }, own, options);
    if (stage !== undefined) rows.push(await measure(backend, stage, options));
  }
  process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `\n${table(rows)}`);
  return rows.some(({ errors }) => errors > 0) ? 1 : 0;
});

async function open(
  backend: Backend,
  others: Others,
  folder: string,
  options: BenchOptions,
): Promise<Stage | undefined> {
  if (backend === "sqlite") {
    return stageSqlite(others, folder, options.data, options);
  }
  if (process.env.PG_URL === undefined && postgresMissing !== undefined) {
    note(`*** LEFT OUT: ${postgresMissing}; set PG_URL or install PostgreSQL ***`);
    return undefined;
  }
  const url = process.env.PG_URL ?? (await startPostgres(["shared_buffers = 512MB", "max_wal_size = 4GB"])).url;
  return stagePostgres(others, folder, url, options);
}

async function measure(backend: Backend, stage: Stage, options: BenchOptions): Promise<Row> {
  const { finished, open } = options;
  const removing = stage.casts.get("removing");
  if (removing === undefined) throw new Error("no server to measure");
  note(`  started: ${JSON.stringify(stage.starts)}`);
  wake(removing);
  const idle = await measureIdleRemoval(removing, 2 * options.seconds);
  note(`  removed ${idle.toFixed(0)} sagas a second with nothing else to do`);
  const by_id = await measureById(removing.target.address, options, options.lookups);
  await lull(removing);
  note(`  by id: ${JSON.stringify(by_id)}`);
  const { rounds, entries, removedPerSecond, errors } = await measureLoad(stage.casts, options);
  return {
    backend,
    finished,
    open,
    start: stage.starts,
    open_ended_s: rounded(stage.openEndedS, 1),
    by_id,
    ratio: ratioOf(rounds, "removing", "empty", "perSecond"),
    kept_ratio: ratioOf(rounds, "kept", "empty", "perSecond"),
    p99_ratio: ratioOf(rounds, "removing", "empty", "p99Ms"),
    load: Object.fromEntries(
      sides.flatMap((side) => {
        const figures = figuresOf(rounds, side);
        return figures === undefined ? [] : [[side, figures]];
      }),
    ),
    entries,
    removal: { idle_per_second: rounded(idle, 0), loaded_per_second: rounded(removedPerSecond, 0) },
    errors,
  };
}
