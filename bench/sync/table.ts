import { line } from "../support/lines.js";
import { allSides, sides } from "./side.js";
import type { Row } from "./summary.js";

const head = ["clients", "side", "calls/s", "p50 ms", "p99 ms", "CPU facade", "upstream", "client"];

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => [
    ...allSides.flatMap((side) => {
      const figures = row[side];
      if (figures === undefined) return [];
      const { per_second, p50_ms, p99_ms, cpu_ms, upstream_cpu_ms, client_cpu_ms } = figures;
      const cpu = [cpu_ms, upstream_cpu_ms, client_cpu_ms].map((ms) => ms.toFixed(2));
      const name = `${sides[side].letter} ${sides[side].what}`;
      return line([String(row.concurrency), name, per_second.toFixed(0), p50_ms.toFixed(2), p99_ms.toFixed(2), ...cpu]);
    }),
    ratios(row),
    "",
  ]);
  return `${line(head)}\n${lines.join("\n")}\nCPU is milliseconds a call; all figures are medians over the rounds.\n`;
}

function ratios(row: Row): string {
  const parts = [
    ["b/a", row.limit_ratio],
    ["c/a", row.ratio],
    ["c/b", row.ratio_to_limit],
    ["d/c", row.postgres_ratio],
    ["PostgreSQL CPU", row.postgres_cpu_ms],
    ["p99 c/a", row.p99_ratio],
  ] as const;
  const known = parts.flatMap(([name, value]) => (value === null ? [] : [`${name} ${value.toFixed(2)}`]));
  return `${" ".repeat(9)}${[...known, ...(row.errors > 0 ? [`ERRORS ${row.errors}`] : [])].join("   ")}`;
}
