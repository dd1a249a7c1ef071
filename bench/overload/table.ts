import { line } from "../support/lines.js";
import type { Row } from "./run.js";

const head = [
  "",
  "",
  "peak/s",
  "offered/s",
  "completed",
  "ratio",
  "refusal p99",
  "answer p99",
  "RSS MiB",
  "lost",
  "twice",
];

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { peak, offered, completed, ratio, refusal_p99_ms, answer_p99_ms, rss_mb, audit, queue_limit } = row;
    const numbers = [peak, offered, completed].map((value) => value?.toFixed(0) ?? "-");
    const times = [ratio, refusal_p99_ms, answer_p99_ms].map((value) => value?.toFixed(2) ?? "-");
    const name = `${row.facade}, ${row.scenario} upstreams, queue ${queue_limit}`;
    const memory = `${rss_mb.start}-${rss_mb.max}`;
    return line(["", name, ...numbers, ...times, memory, String(audit.missing), String(audit.repeated)], 42);
  });
  const errors = rows.flatMap(({ facade, scenario, errors }) =>
    Object.entries(errors).map(([what, count]) => `ERRORS ${facade}, ${scenario}: ${count} × ${what}`),
  );
  return `${line(head, 42)}\n${[...lines, ...errors].join("\n")}\n`;
}
