import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../support/child.js";
import { quantile } from "../support/statistics.js";
import type { Cpu } from "../support/worker.js";
import type { Measured, Run, Total } from "./client.js";
import type { FacadeReady } from "./side.js";
import type { UpstreamCounts, UpstreamReady } from "./upstream.js";

/** One short measurement of one side at one concurrency. */
export interface Slice {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU-milliseconds a call, by process; both clients together. */
  readonly facadeCpuMs: number;
  readonly upstreamCpuMs: number;
  readonly clientCpuMs: number;
  /** What went wrong in the whole slice, ramp and end included, and how often. */
  readonly errors: Readonly<Record<string, number>>;
}

/** The processes of a slice. */
export interface Cast {
  readonly facade: Child<FacadeReady>;
  readonly upstream: Child<UpstreamReady>;
  readonly clients: readonly Child<undefined>[];
}

/** How a slice is run. */
export interface SliceOptions {
  readonly concurrency: number;
  readonly seconds: number;
  readonly rampMs: number;
}

/** Runs the load, measures after the ramp, and waits until the last call is answered. */
export async function runSlice(cast: Cast, { concurrency, seconds, rampMs }: SliceOptions): Promise<Slice> {
  const { facade, upstream, clients } = cast;
  await upstream.ask<UpstreamCounts>("counts");
  await Promise.all(
    clients.map((client, i) => {
      const share = Math.floor((concurrency + clients.length - 1 - i) / clients.length);
      return client.ask("run", { address: facade.ready.address, concurrency: share, rampMs } satisfies Run);
    }),
  );
  // The second half of the warm-up has all calls under way.
  await sleep(2 * rampMs);
  await mark(cast);
  await sleep(seconds * 1000);
  const { measured, facadeCpu, upstreamCpu, clientCpu } = await mark(cast);
  const totals = await Promise.all(clients.map((client) => client.ask<Total>("stop")));
  const counts = await upstream.ask<UpstreamCounts>("counts");

  const latencies = measured.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const perCall = (cpu: readonly Cpu[]) => sum(cpu.map(({ cpuMs }) => cpuMs)) / latencies.length;
  return {
    perSecond: sum(measured.map((one) => one.latenciesMs.length / one.seconds)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    facadeCpuMs: perCall([facadeCpu]),
    upstreamCpuMs: perCall([upstreamCpu]),
    clientCpuMs: perCall(clientCpu),
    errors: errorsOf(totals, counts),
  };
}

async function mark({ facade, upstream, clients }: Cast) {
  const [measured, facadeCpu, upstreamCpu, clientCpu] = await Promise.all([
    Promise.all(clients.map((client) => client.ask<Measured>("mark"))),
    facade.ask<Cpu>("cpu"),
    upstream.ask<Cpu>("cpu"),
    Promise.all(clients.map((client) => client.ask<Cpu>("cpu"))),
  ]);
  return { measured, facadeCpu, upstreamCpu, clientCpu };
}

function errorsOf(totals: readonly Total[], counts: UpstreamCounts): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const [name, count] of totals.flatMap((total) => Object.entries(total.errors))) {
    errors[name] = (errors[name] ?? 0) + count;
  }
  // A side that skipped upstream calls, or made some twice, would be compared with what it is not.
  const succeeded = sum(totals.map((total) => total.succeeded));
  if (succeeded === 0) errors["no call succeeded"] = 1;
  const odd = Math.abs(counts.orders - succeeded) + Math.abs(counts.payments - succeeded) + counts.others;
  if (Object.keys(errors).length === 0 && odd > 0) errors["upstream calls too many or too few"] = odd;
  return errors;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
