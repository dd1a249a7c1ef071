import { line } from "../support/lines.js";
import type { AcceptRow } from "./accept.js";
import { allSides, sides } from "./side.js";
import type { Comparison, Row } from "./summary.js";

const width = 40;
const head = ["clients", "side", "sagas/s", "p50 ms", "p99 ms", "CPU facade", "Kafka", "upstream", "client"];

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => [
    ...allSides.flatMap((side) => {
      const figures = row[side];
      if (figures === undefined) return [];
      const { per_second, p50_ms, p99_ms, cpu_ms, kafka_cpu_ms, upstream_cpu_ms, client_cpu_ms } = figures;
      const cpu = [cpu_ms, kafka_cpu_ms, upstream_cpu_ms, client_cpu_ms].map((ms) => ms?.toFixed(2) ?? "-");
      const name = `${side}: ${sides[side].what}`;
      const times = [per_second.toFixed(0), p50_ms.toFixed(2), p99_ms.toFixed(2)];
      return [line([String(row.concurrency), name, ...times, ...cpu], width)];
    }),
    comparison("embedded/sync", row.embedded_to_sync),
    comparison("kafka/bare", row.kafka_to_bare),
    ...(row.errors > 0 ? [`         ERRORS ${row.errors}`] : []),
    "",
  ]);
  const note =
    "p50 and p99 are of the time to completion; CPU is milliseconds a saga; all are medians over the rounds.";
  return `${line(head, width)}\n${lines.join("\n")}\n${note}\n`;
}

/** The figures of accepting as a table for people. */
export function acceptTable(rows: readonly AcceptRow[]): string {
  if (rows.length === 0) return "";
  const cell = (value: number | null) => value?.toFixed(2) ?? "-";
  const lines = rows.map(({ load, embedded, fsync, working, p50_ratio, p99_ratio, working_p99_ratio, errors }) =>
    line([
      "",
      `${load}${errors > 0 ? `, ERRORS ${errors}` : ""}`,
      cell(embedded.p50_ms),
      cell(fsync.p50_ms),
      cell(p50_ratio),
      cell(embedded.p99_ms),
      cell(fsync.p99_ms),
      cell(p99_ratio),
      cell(working.p99_ms),
      cell(working_p99_ratio),
    ]),
  );
  const title = line([
    "",
    "answer of the call, ms",
    "p50 ours",
    "p50 fsync",
    "ratio",
    "p99 ours",
    "p99 fsync",
    "ratio",
    "p99 working",
    "ratio",
  ]);
  return `${title}\n${lines.join("\n")}\n`;
}

function comparison(name: string, { per_second, p99_ms, cpu_ms }: Comparison): string {
  const parts = [
    ["sagas/s", per_second],
    ["p99", p99_ms],
    ["CPU", cpu_ms],
  ] as const;
  const known = parts.flatMap(([what, value]) => (value === null ? [] : [`${what} ${value.toFixed(2)}`]));
  return known.length === 0 ? "" : `         ${name}: ${known.join("   ")}`;
}
