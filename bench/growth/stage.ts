import { execFileSync } from "node:child_process";
import { constants, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "../support/child.js";
import type { Cast } from "../support/slice.js";
import type { UpstreamReady } from "../support/upstream.js";
import type { GrowthReady, GrowthSetup } from "./facade.js";
import { growPostgres } from "./grow-postgres.js";
import { growSqlite } from "./grow-sqlite.js";
import { type Size, spanMs } from "./rows.js";

/** What is compared: an empty journal, a large one, and a large one of which half is removed meanwhile. */
export const sides = ["empty", "kept", "removing"] as const;

/** One of the sides. */
export type Side = (typeof sides)[number];

/** How long a server's start took. */
export interface Start {
  /** From the call of startServer to the open port. */
  readonly start_ms: number;
  /** The part of it that opening the journal took. */
  readonly open_ms: number;
  /** From the start of the process to the open port; most of it is Node, and reading TypeScript. */
  readonly process_ms: number;
}

/** The servers of one backend. */
export interface Stage {
  readonly casts: ReadonlyMap<Side, Cast>;
  readonly starts: Readonly<Record<Side, Start>>;
  /** How long it took until all open sagas had ended, s. */
  readonly openEndedS: number;
}

/** The processes that all servers share. */
export interface Others {
  readonly upstream: Child<UpstreamReady>;
  readonly clients: readonly Child<undefined>[];
}

/** Suspends a server between two batches of removal. None of its timers fires. */
export async function lull({ facade }: Cast): Promise<void> {
  await facade.ask("quiet");
  process.kill((facade.ready as GrowthReady).pid, "SIGSTOP");
}

/** Continues it. */
export function wake({ facade }: Cast): void {
  process.kill((facade.ready as GrowthReady).pid, "SIGCONT");
}

/** Where a side's journal is. */
type Place = Pick<GrowthSetup, "data" | "postgres" | "podId">;

/** Half of what has ended is older than that. */
const retentionMs = spanMs / 2;

/** Starts the servers on SQLite. @param keep where the grown journal is kept between runs */
export async function stageSqlite(others: Others, folder: string, keep: string, size: Size): Promise<Stage> {
  const grown = growSqlite(keep, size);
  const stage = await startAll(others, size, (side) => {
    const data = join(folder, side);
    mkdirSync(data);
    if (side !== "empty") {
      const copy = join(data, "journal.db");
      copyFileSync(grown, copy, constants.COPYFILE_FICLONE);
      forgetPages(copy);
    }
    return { data, podId: side };
  });
  for (const side of sides) remember(join(folder, side, "journal.db"));
  return stage;
}

/** Starts the servers on PostgreSQL; the two on the grown journal are two pods that share it. */
export async function stagePostgres(others: Others, folder: string, url: string, size: Size): Promise<Stage> {
  const name = `bench_${process.pid}`;
  await growPostgres(url, `${name}_grown`, "removing", size);
  return startAll(others, size, (side) => {
    const schema = side === "empty" ? `${name}_empty` : `${name}_grown`;
    return { data: folder, podId: side, postgres: { url, schema } };
  });
}

async function startAll(others: Others, size: Size, placeOf: (side: Side) => Place): Promise<Stage> {
  const casts = new Map<Side, Cast>();
  const starts = new Map<Side, Start>();
  let openEndedS = 0;
  // `removing` first: on PostgreSQL the open sagas are its own.
  for (const side of ["removing", "kept", "empty"] as const) {
    const { orderAddress, paymentAddress } = others.upstream.ready;
    const setup: GrowthSetup = {
      ...placeOf(side),
      orderAddress,
      paymentAddress,
      retentionMs: side === "kept" ? "forever" : retentionMs,
    };
    const spawned = performance.now();
    const facade = await startChild<GrowthReady>(new URL("facade.ts", import.meta.url), [JSON.stringify(setup)]);
    const process_ms = Math.round(performance.now() - spawned);
    const { address, startMs, openMs } = facade.ready;
    starts.set(side, { start_ms: Math.round(startMs), open_ms: Math.round(openMs), process_ms });
    openEndedS = Math.max(openEndedS, await untilEnded(facade, size));
    const target = { address, facade: "sync", timeoutMs: 10_000, randomIds: true } as const;
    await Promise.all(others.clients.map((client) => client.ask("connect", target)));
    const cast = { facade, target, ...others };
    casts.set(side, cast);
    await lull(cast);
  }
  return { casts, starts: Object.fromEntries(starts) as Record<Side, Start>, openEndedS };
}

/** Waits until all open sagas have ended, so that recovery is not part of what is measured. */
async function untilEnded(facade: Child<GrowthReady>, { open }: Size): Promise<number> {
  const began = performance.now();
  const longestS = 120 + open / 50;
  while ((await facade.ask<number>("open")) > 0) {
    if (performance.now() - began > longestS * 1_000) throw new Error("open sagas do not end");
    await sleep(200);
  }
  return (performance.now() - began) / 1_000;
}

/** Has the operating system read a file into memory, as the file of a journal in use is. */
function remember(path: string): void {
  if (existsSync(path)) execFileSync("dd", [`if=${path}`, "of=/dev/null", "bs=1M"], { stdio: "ignore" });
}

/** Has the operating system drop a file from memory if it can, so that a start reads the disk. */
function forgetPages(path: string): void {
  try {
    execFileSync("sync", [path]);
    execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
  } catch {
    // Otherwise it is read from memory.
  }
}
