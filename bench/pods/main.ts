// npm run -s bench:pods: two servers on one PostgreSQL journal, compared with one. See bench/README.md.
import { parseArgs } from "node:util";
import { type Child, startChild } from "../support/child.js";
import { figuresOf, medianOf, type Round, ratioOf } from "../support/figures.js";
import { line } from "../support/lines.js";
import { positive, whole, wholes } from "../support/option.js";
import { openPostgres } from "../support/postgres-server.js";
import { measureRounds, type RoundOptions } from "../support/rounds.js";
import { runMain } from "../support/run-main.js";
import { type Cast, type CpuMeter, errorsIn } from "../support/slice.js";
import { sum } from "../support/statistics.js";
import type { UpstreamReady } from "../support/upstream.js";

type Side = "one" | "two";
const allSides: readonly Side[] = ["one", "two"];

const usage = "bench:pods [--json] [--seconds N] [--rounds N] [--concurrency 64,128]";

/** Each side has its own journal, so that the servers of one side do nothing for the others. */
async function startAll(url: string, cpu: CpuMeter | undefined): Promise<Map<Side, Cast>> {
  const here = (file: string) => new URL(`../support/${file}`, import.meta.url);
  const upstream = await startChild<UpstreamReady>(here("upstream.ts"));
  const clients: Child<undefined>[] = [await startChild(here("client.ts")), await startChild(here("client.ts"))];
  const { orderAddress, paymentAddress } = upstream.ready;
  const schema = `bench_${Date.now()}`;

  async function pod(side: Side, name: string) {
    const args = [orderAddress, paymentAddress, url, `${schema}_${side}`, name];
    const facade = await startChild<{ readonly address: string }>(here("postgres-facade.ts"), args);
    const target = { address: facade.ready.address, facade: "sync", timeoutMs: 10_000 } as const;
    await Promise.all(clients.map((client) => client.ask("connect", target)));
    return { facade, target };
  }

  const alone = await pod("one", "alone");
  const first = await pod("two", "first");
  const second = await pod("two", "second");
  return new Map([
    ["one", { ...alone, upstream, clients, broker: cpu }],
    ["two", { ...first, beside: [second], upstream, clients, broker: cpu }],
  ]);
}

function summarize(concurrency: number, rounds: readonly Round<Side>[]) {
  return {
    concurrency,
    ratio: ratioOf(rounds, "two", "one", "perSecond"),
    errors: sum(rounds.flatMap((round) => Object.values(round)).map(errorsIn)),
    ...Object.fromEntries(
      allSides.map((side) => {
        return [side, { ...figuresOf(rounds, side), postgres_cpu_ms: medianOf(rounds, side, "brokerCpuMs", 3) }];
      }),
    ),
  } as {
    readonly concurrency: number;
    readonly ratio: number | null;
    readonly errors: number;
  } & Record<Side, NonNullable<ReturnType<typeof figuresOf>> & { readonly postgres_cpu_ms: number | null }>;
}

function table(rows: readonly ReturnType<typeof summarize>[]): string {
  const head = ["clients", "pods", "calls/s", "p50 ms", "p99 ms", "CPU facade", "upstream", "client"];
  const lines = rows.flatMap((row) => [
    ...allSides.map((side) => {
      const { per_second, p50_ms, p99_ms, cpu_ms, upstream_cpu_ms, client_cpu_ms } = row[side];
      const figures = [p50_ms, p99_ms, cpu_ms, upstream_cpu_ms, client_cpu_ms].map((value) => value.toFixed(2));
      return line([String(row.concurrency), side, per_second.toFixed(0), ...figures]);
    }),
    `         two/one ${row.ratio}   PostgreSQL CPU ${row.one.postgres_cpu_ms}, ${row.two.postgres_cpu_ms}   errors ${row.errors}`,
  ]);
  return `${line(head)}\n${lines.join("\n")}\nCPU is milliseconds a call; all figures are medians over the rounds.\n`;
}

runMain("bench:pods", usage, async (args) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "6" },
      concurrency: { type: "string", default: "64,128" },
    },
  });
  const options: RoundOptions = {
    seconds: positive("seconds", values.seconds),
    rounds: whole("rounds", values.rounds),
    concurrencies: wholes("concurrency", values.concurrency),
  };
  const postgres = await openPostgres();
  if (typeof postgres === "string") throw new Error(`it needs PG_URL, or PostgreSQL's programs: ${postgres}`);
  const results = await measureRounds(await startAll(postgres.url, postgres.cpu), options);
  const rows = [...results].map(([concurrency, rounds]) => summarize(concurrency, rounds));
  process.stdout.write(values.json ? `${JSON.stringify({ rows })}\n` : `\n${table(rows)}`);
  return rows.some((row) => row.errors > 0) ? 1 : 0;
});
