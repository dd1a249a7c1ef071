import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Child } from "../support/child.js";
import type { OpenResult, OpenRun } from "../support/open-loop.js";
import { note } from "../support/rounds.js";
import { type Cast, runSlice, type Slice } from "../support/slice.js";
import { median, quantile, rounded, sum } from "../support/statistics.js";
import type { Audit, UpstreamManners } from "../support/upstream.js";
import type { Cpu } from "../support/worker.js";
import type { Memory } from "./facade.js";
import type { BenchOptions } from "./options.js";
import type { OverloadFacade, Scenario } from "./scenario.js";

/** The results of one facade in one scenario. Rates are per second. */
export interface Row {
  readonly scenario: Scenario["name"];
  readonly facade: OverloadFacade;
  readonly topic_concurrency: number;
  readonly upstream_latency_ms: number;
  readonly queue_limit: number;
  /** The highest completion rate of a closed loop, before the overload and after it: medians of three. */
  readonly peak: number | null;
  readonly peak_after: number | null;
  readonly offered: number | null;
  /** The completion rate under overload. */
  readonly completed: number | null;
  /** completed / peak */
  readonly ratio: number | null;
  /** completed / the mean of both peaks, in case the machine's speed changes. */
  readonly ratio_to_mean_peak: number | null;
  /** The worst five seconds in a row, by the peak. */
  readonly worst_ratio: number | null;
  readonly accepted: number;
  readonly refused: number;
  /** Of the refused ones: those that never left their client, because the connection had no free stream. */
  readonly held_back: number;
  /** Of the others, from the call to its refusal with RESOURCE_EXHAUSTED. */
  readonly refusal_p50_ms: number | null;
  readonly refusal_p99_ms: number | null;
  /** From the call to its answer, of calls that were accepted. A throttled call's answer is its saga's end. */
  readonly answer_p50_ms: number | null;
  readonly answer_p99_ms: number | null;
  /** Resident memory of the server, MiB, from before the overload until all has ended. */
  readonly rss_mb: { readonly start: number; readonly max: number; readonly end: number };
  /** CPU-milliseconds of the server a completed saga: at the peak, and with the refusals under overload. */
  readonly peak_cpu_ms: number | null;
  readonly overload_cpu_ms: number | null;
  /** CPU time by wall time, until all has ended, of the server and of the busier client: 1 is one core. */
  readonly server_busy: number | null;
  readonly client_busy: number | null;
  /** The upstreams' view of all accepted sagas. */
  readonly audit: Audit;
  readonly errors: Readonly<Record<string, number>>;
}

/** Measures the peak, overloads the server, measures again. */
export async function runOverload(
  cast: Cast,
  scenario: Scenario,
  facade: OverloadFacade,
  options: BenchOptions,
): Promise<Row> {
  const { upstream, clients } = cast;
  const behave = (manners: UpstreamManners) => upstream.ask("behave", manners);
  const latencyMs = scenario.upstreamLatencyMs;
  await behave({ latencyMs, remember: false });
  const before = await peakOf(cast, scenario, options);

  await behave({ latencyMs, remember: true });
  await cast.facade.ask<Memory>("memory");
  await Promise.all([cast.facade, ...clients].map((one) => one.ask<Cpu>("cpu")));
  const startedAt = performance.now();
  if (options.profile !== undefined) await cast.facade.ask("profile");
  const results = await Promise.all(clients.map((client, i) => offer(client, i, cast, before.perSecond, options)));
  const wallMs = performance.now() - startedAt;
  const { cpuMs } = await cast.facade.ask<Cpu>("cpu");
  const clientCpu = await Promise.all(clients.map((client) => client.ask<Cpu>("cpu")));
  if (options.profile !== undefined) {
    await cast.facade.ask("profiled", join(options.profile, `${scenario.name}-${facade}.cpuprofile`));
  }
  const memory = await cast.facade.ask<Memory>("memory");
  const accepted = results.flatMap((result) => result.accepted);
  const audit = await upstream.ask<Audit>("audit", accepted);
  await behave({ latencyMs, remember: false });
  const after = await peakOf(cast, scenario, options);

  const timeline = timelineOf(results, Math.floor(options.seconds));
  const completed = sum(timeline) / timeline.length;
  const refusals = sorted(results.flatMap(({ refusalsMs }) => refusalsMs));
  const answers = sorted(results.flatMap(({ answersMs }) => answersMs));
  const made = sum(results.map(({ endedInSecond }) => sum(endedInSecond)));
  return {
    scenario: scenario.name,
    facade,
    topic_concurrency: scenario.topicConcurrency,
    upstream_latency_ms: latencyMs,
    queue_limit: scenario.queueLimit[facade],
    peak: rounded(before.perSecond, 1),
    peak_after: rounded(after.perSecond, 1),
    offered: rounded(sum(results.map(({ offered, offeredSeconds }) => offered / offeredSeconds)), 1),
    completed: rounded(completed, 1),
    ratio: rounded(completed / before.perSecond, 3),
    ratio_to_mean_peak: rounded((2 * completed) / (before.perSecond + after.perSecond), 3),
    worst_ratio: rounded(worstOf(timeline) / before.perSecond, 3),
    accepted: accepted.length,
    refused: sum(results.map(({ refused }) => refused)),
    held_back: sum(results.map(({ heldBack }) => heldBack)),
    refusal_p50_ms: rounded(quantile(refusals, 0.5), 2),
    refusal_p99_ms: rounded(quantile(refusals, 0.99), 2),
    answer_p50_ms: rounded(quantile(answers, 0.5), 2),
    answer_p99_ms: rounded(quantile(answers, 0.99), 2),
    rss_mb: { start: Math.round(memory.startMb), max: Math.round(memory.maxMb), end: Math.round(memory.endMb) },
    peak_cpu_ms: rounded(before.facadeCpuMs, 3),
    overload_cpu_ms: rounded(cpuMs / made, 3),
    server_busy: rounded(cpuMs / wallMs, 2),
    client_busy: rounded(Math.max(...clientCpu.map((cpu) => cpu.cpuMs)) / wallMs, 2),
    audit,
    errors: errorsOf([before.errors, after.errors, ...results.map((result) => result.errors)]),
  };
}

/** The concurrency with the highest rate: the median of three slices of it. */
async function peakOf(cast: Cast, { topicConcurrency }: Scenario, { peakSeconds }: BenchOptions): Promise<Slice> {
  const slices: Slice[] = [];
  // All slots of both topics are taken, and a few or many sagas wait.
  for (const concurrency of [3 * topicConcurrency, 6 * topicConcurrency]) {
    const three: Slice[] = [];
    for (let i = 0; i < 3; i++) {
      three.push(await runSlice(cast, { concurrency, seconds: peakSeconds, rampMs: 300 }));
    }
    const middle = median(three.map(({ perSecond }) => perSecond));
    note(`  peak with ${concurrency} clients: ${middle.toFixed(0)}/s`);
    const errors = errorsOf(three.map((slice) => slice.errors));
    slices.push(...three.filter(({ perSecond }) => perSecond === middle).map((slice) => ({ ...slice, errors })));
  }
  const [best] = slices.sort((a, b) => b.perSecond - a.perSecond);
  if (best === undefined) throw new Error("no peak was found");
  return best;
}

async function offer(
  client: Child<undefined>,
  seed: number,
  { target, clients }: Cast,
  peak: number,
  { seconds, factor }: BenchOptions,
): Promise<OpenResult> {
  const perSecond = (factor * peak) / clients.length;
  await client.ask("offer", { target, perSecond, seconds, warmUpSeconds: 0, seed } satisfies OpenRun);
  return client.ask<OpenResult>("offered");
}

/** How many bookings ended in each second of the overload. */
function timelineOf(results: readonly OpenResult[], seconds: number): readonly number[] {
  return Array.from({ length: seconds }, (_, second) =>
    sum(results.map(({ endedInSecond }) => endedInSecond[second] ?? 0)),
  );
}

/** The mean of the worst five seconds in a row. */
function worstOf(timeline: readonly number[]): number {
  const span = Math.min(5, timeline.length);
  const means = timeline.slice(span - 1).map((_, i) => sum(timeline.slice(i, i + span)) / span);
  return Math.min(...means);
}

function errorsOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) errors[name] = (errors[name] ?? 0) + count;
  return errors;
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b);
}
