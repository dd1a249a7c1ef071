import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "./booking.js";
import type { Child } from "./child.js";
import type { ClosedRun, Measured, Total } from "./closed-loop.js";
import { quantile, sum } from "./statistics.js";
import type { UpstreamCounts, UpstreamReady } from "./upstream.js";
import type { Cpu } from "./worker.js";

/** One short measurement of one side at one concurrency. */
export interface Slice {
  /** Successful bookings per second. */
  readonly perSecond: number;
  /** From the call to the booking's end. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the call to its answer. */
  readonly answerP50Ms: number;
  readonly answerP99Ms: number;
  /** CPU-milliseconds a booking, by process; both clients together. */
  readonly facadeCpuMs: number;
  readonly upstreamCpuMs: number;
  readonly clientCpuMs: number;
  /** Of the broker or the database. NaN if the side has none, or its process is unknown. */
  readonly brokerCpuMs: number;
  /** What went wrong in the whole slice, ramp and end included, and how often. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Asks a process for its CPU time since the last question. */
export type CpuMeter = () => Promise<Cpu>;

/** The processes of a slice. */
export interface Cast {
  readonly facade: Child<unknown>;
  readonly target: Target;
  /** Facades that share the load, each with a target for the clients that call it. */
  readonly beside?: readonly { readonly facade: Child<unknown>; readonly target: Target }[];
  readonly upstream: Child<UpstreamReady>;
  readonly clients: readonly Child<undefined>[];
  readonly broker?: CpuMeter | undefined;
}

/** How a slice is run. */
export interface SliceOptions {
  readonly concurrency: number;
  readonly seconds: number;
  readonly rampMs: number;
}

/** Runs the load, measures after the ramp, and waits until the last booking has ended. */
export async function runSlice(cast: Cast, { concurrency, seconds, rampMs }: SliceOptions): Promise<Slice> {
  const { upstream, clients } = cast;
  const targets = [cast.target, ...(cast.beside ?? []).map(({ target }) => target)];
  await upstream.ask<UpstreamCounts>("counts");
  await Promise.all(
    clients.map((client, i) => {
      const share = Math.floor((concurrency + clients.length - 1 - i) / clients.length);
      const target = targets[i % targets.length] ?? cast.target;
      return client.ask("run", { target, concurrency: share, rampMs } satisfies ClosedRun);
    }),
  );
  // In the second half of the warm-up all calls are in flight.
  await sleep(2 * rampMs);
  await mark(cast);
  await sleep(seconds * 1000);
  const { measured, facadeCpu, upstreamCpu, clientCpu, brokerCpu } = await mark(cast);
  const totals = await Promise.all(clients.map((client) => client.ask<Total>("stop")));
  const counts = await upstream.ask<UpstreamCounts>("counts");

  const ends = measured.flatMap(({ endsMs }) => endsMs).sort((a, b) => a - b);
  const answers = measured.flatMap(({ answersMs }) => answersMs).sort((a, b) => a - b);
  const perBooking = (cpu: readonly Cpu[]) => sum(cpu.map(({ cpuMs }) => cpuMs)) / ends.length;
  return {
    perSecond: sum(measured.map((one) => one.endsMs.length / one.seconds)),
    p50Ms: quantile(ends, 0.5),
    p99Ms: quantile(ends, 0.99),
    answerP50Ms: quantile(answers, 0.5),
    answerP99Ms: quantile(answers, 0.99),
    facadeCpuMs: perBooking(facadeCpu),
    upstreamCpuMs: perBooking([upstreamCpu]),
    clientCpuMs: perBooking(clientCpu),
    brokerCpuMs: brokerCpu === undefined ? Number.NaN : perBooking([brokerCpu]),
    errors: errorsOf(totals, counts),
  };
}

async function mark({ facade, beside = [], upstream, clients, broker }: Cast) {
  const [measured, facadeCpu, upstreamCpu, clientCpu, brokerCpu] = await Promise.all([
    Promise.all(clients.map((client) => client.ask<Measured>("mark"))),
    Promise.all([facade, ...beside.map((one) => one.facade)].map((one) => one.ask<Cpu>("cpu"))),
    upstream.ask<Cpu>("cpu"),
    Promise.all(clients.map((client) => client.ask<Cpu>("cpu"))),
    broker?.(),
  ]);
  return { measured, facadeCpu, upstreamCpu, clientCpu, brokerCpu };
}

function errorsOf(totals: readonly Total[], counts: UpstreamCounts): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const [name, count] of totals.flatMap((total) => Object.entries(total.errors))) {
    errors[name] = (errors[name] ?? 0) + count;
  }
  // A side that skips upstream calls, or repeats some, can't be compared.
  const succeeded = sum(totals.map((total) => total.succeeded));
  if (succeeded === 0) errors["no booking succeeded"] = 1;
  const odd = Math.abs(counts.orders - succeeded) + Math.abs(counts.payments - succeeded) + counts.others;
  if (Object.keys(errors).length === 0 && odd > 0) errors["upstream calls too many or too few"] = odd;
  return errors;
}

/** How many things went wrong in a slice. */
export function errorsIn({ errors }: Pick<Slice, "errors">): number {
  return sum(Object.values(errors));
}
