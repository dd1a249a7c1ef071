// npm run -s bench:async: the generated async facades, the sync one, and a Kafka program without sagas. See
// bench/README.md.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../support/child.js";
import type { AsyncReady } from "../support/facade.js";
import { measureRounds, note, profileSides } from "../support/rounds.js";
import { openDataFolder, runMain } from "../support/run-main.js";
import type { Cast, CpuMeter } from "../support/slice.js";
import type { UpstreamReady } from "../support/upstream.js";
import { type AcceptRow, measureAccept } from "./accept.js";
import { type BenchKafka, openKafka } from "./kafka-server.js";
import { type BenchOptions, readOptions, usage } from "./options.js";
import { type AsyncSetup, type Side, sides } from "./side.js";
import { summarize } from "./summary.js";
import { acceptTable, table } from "./table.js";

const clientCount = 2;
const timeoutMs = 10_000;

interface Stage {
  readonly casts: ReadonlyMap<Side, Cast>;
  /** The baselines of accepting. */
  readonly baselines: Readonly<Record<"fsync" | "working", Cast>>;
}

/** Starts every process before the measurements. An idle one costs the others almost nothing. */
async function startAll(options: BenchOptions, data: string, kafka: BenchKafka | undefined): Promise<Stage> {
  const here = (file: string) => new URL(file, import.meta.url);
  const upstream = await startChild<UpstreamReady>(here("../support/upstream.ts"));
  const clients: Child<undefined>[] = [];
  for (let i = 0; i < clientCount; i++) clients.push(await startChild(here("../support/client.ts")));

  async function cast(
    name: string,
    file: string,
    facade: "sync" | "async",
    { broker, afterwards = false }: { readonly broker?: CpuMeter | undefined; readonly afterwards?: boolean } = {},
  ): Promise<Cast> {
    const { orderAddress, paymentAddress } = upstream.ready;
    const folder = join(data, name);
    mkdirSync(folder);
    const { partitions } = options;
    const setup: AsyncSetup = {
      orderAddress,
      paymentAddress,
      data: folder,
      brokers: kafka?.brokers ?? [],
      partitions,
      afterwards,
    };
    const process = await startChild<AsyncReady>(here(file), [JSON.stringify(setup)]);
    const target = { facade, timeoutMs, ...process.ready };
    await Promise.all(clients.map((client) => client.ask("connect", target)));
    return { facade: process, target, upstream, clients, broker };
  }

  const casts = new Map<Side, Cast>();
  for (const side of options.sides) {
    const { file, facade, kafka: onKafka } = sides[side];
    if (!onKafka || kafka !== undefined) {
      casts.set(side, await cast(side, file, facade, { broker: onKafka ? kafka?.cpu : undefined }));
    }
  }
  const fsync = await cast("fsync", "fsync-server.ts", "async");
  const working = await cast("working", "fsync-server.ts", "async", { afterwards: true });
  return { casts, baselines: { fsync, working } };
}

async function findKafka({ sides: asked }: BenchOptions, data: string): Promise<BenchKafka | undefined> {
  if (!asked.some((side) => sides[side].kafka)) return undefined;
  const kafka = await openKafka(join(data, "kafka-server"));
  if (typeof kafka !== "string") return kafka;
  note(`\nSKIPPED, NOT MEASURED: the sides on Kafka: ${kafka}\n`);
  return undefined;
}

runMain("bench:async", usage, async (args) => {
  const options = readOptions(args);
  const data = openDataFolder(options.data);
  const kafka = await findKafka(options, data);
  const { casts, baselines } = await startAll(options, data, kafka);
  const results = await measureRounds(casts, options);
  if (options.profile !== undefined) await profileSides(casts, options.seconds, options.profile);
  const rows = [...results].map(([concurrency, rounds]) => summarize(concurrency, rounds));
  const embedded = casts.get("embedded");
  const accept: readonly AcceptRow[] =
    embedded === undefined || options.accept === undefined
      ? []
      : await measureAccept({ embedded, ...baselines }, options.accept, options.rounds);
  const { seconds, rounds, partitions } = options;
  const settings = { seconds, rounds, partitions, accept_seconds: options.accept?.seconds ?? null };
  process.stdout.write(
    options.json ? `${JSON.stringify({ settings, rows, accept })}\n` : `\n${table(rows)}\n${acceptTable(accept)}`,
  );
  await kafka?.stop();
  return [...rows, ...accept].some((row) => row.errors > 0) ? 1 : 0;
});
