import type { Child } from "../support/child.js";
import type { OpenResult, OpenRun } from "../support/open-loop.js";
import { note } from "../support/rounds.js";
import { type Cast, runSlice } from "../support/slice.js";
import { median, quantile, rounded, sum } from "../support/statistics.js";
import type { AcceptOptions } from "./options.js";

/**
 * What is compared: our facade's answer, that of a bare call that is synced to disk, and that of one whose server then
 * calls the same upstreams as ours.
 */
export type AcceptSide = "embedded" | "fsync" | "working";

interface Answers {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

type Round = Record<AcceptSide, Answers>;

/** The time from a client's call to its answer, under one load. */
export interface AcceptRow {
  /** "100/s": calls at random moments at that mean rate. "1 client": one that waits for its saga to complete. */
  readonly load: string;
  readonly p50_ratio: number | null;
  readonly p99_ratio: number | null;
  /** With the server that makes the same calls. */
  readonly working_p99_ratio: number | null;
  readonly errors: number;
  readonly embedded: { readonly p50_ms: number | null; readonly p99_ms: number | null };
  readonly fsync: { readonly p50_ms: number | null; readonly p99_ms: number | null };
  readonly working: { readonly p50_ms: number | null; readonly p99_ms: number | null };
}

/** Measures all sides in turn, in rounds, under each load. */
export async function measureAccept(
  casts: Readonly<Record<AcceptSide, Cast>>,
  { rates, seconds }: AcceptOptions,
  rounds: number,
): Promise<AcceptRow[]> {
  const loads = [...rates.map((rate) => ({ load: `${rate}/s`, rate })), { load: "1 client", rate: 0 }];
  const results = new Map<string, Round[]>(loads.map(({ load }) => [load, []]));
  const order: AcceptSide[] = ["embedded", "fsync", "working"];
  for (let round = 0; round < rounds; round++) {
    for (const { load, rate } of loads) {
      const answers: Partial<Round> = {};
      for (const side of order) {
        const cast = casts[side];
        answers[side] = rate === 0 ? await oneClient(cast, seconds) : await openLoop(cast, rate, seconds, round);
        const { p50Ms, p99Ms } = answers[side];
        note(`accept, round ${round + 1}/${rounds}, ${load}, ${side}: p50 ${p50Ms.toFixed(2)} p99 ${p99Ms.toFixed(2)}`);
      }
      results.get(load)?.push(answers as Round);
    }
    order.push(...order.splice(0, 1));
  }
  return [...results].map(([load, ofLoad]) => rowOf(load, ofLoad));
}

async function oneClient(cast: Cast, seconds: number): Promise<Answers> {
  // The side without upstream calls has no counts of them. Its errors are still reported.
  const slice = await runSlice(cast, { concurrency: 1, seconds, rampMs: 100 });
  const { "upstream calls too many or too few": _, ...errors } = slice.errors;
  return { p50Ms: slice.answerP50Ms, p99Ms: slice.answerP99Ms, errors: sum(Object.values(errors)) };
}

async function openLoop({ clients, target }: Cast, rate: number, seconds: number, round: number): Promise<Answers> {
  const results = await Promise.all(
    clients.map(async (client: Child<undefined>, i) => {
      const run: OpenRun = {
        target,
        perSecond: rate / clients.length,
        seconds: seconds + warmUpSeconds,
        warmUpSeconds,
        seed: 1_000 * round + i,
      };
      await client.ask("offer", run);
      return client.ask<OpenResult>("offered");
    }),
  );
  const sorted = results.flatMap(({ answersMs }) => answersMs).sort((a, b) => a - b);
  const errors = sum(results.map((result) => sum(Object.values(result.errors)) + result.refused));
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), errors };
}

/** How long the first calls after a pause are not counted, s. */
const warmUpSeconds = 0.5;

function rowOf(load: string, rounds: readonly Round[]): AcceptRow {
  const ratio = (figure: "p50Ms" | "p99Ms", base: "fsync" | "working" = "fsync") =>
    rounded(median(rounds.map((round) => round.embedded[figure] / round[base][figure])), 3);
  const figures = (side: AcceptSide) => ({
    p50_ms: rounded(median(rounds.map((round) => round[side].p50Ms)), 2),
    p99_ms: rounded(median(rounds.map((round) => round[side].p99Ms)), 2),
  });
  return {
    load,
    p50_ratio: ratio("p50Ms"),
    p99_ratio: ratio("p99Ms"),
    working_p99_ratio: ratio("p99Ms", "working"),
    errors: sum(rounds.flatMap((round) => Object.values(round)).map(({ errors }) => errors)),
    embedded: figures("embedded"),
    fsync: figures("fsync"),
    working: figures("working"),
  };
}
