import type { Figures } from "../support/figures.js";
import { line } from "../support/lines.js";
import type { ById } from "./by-id.js";
import type { Entries, Removal } from "./load.js";
import type { Backend } from "./options.js";
import { type Side, type Start, sides } from "./stage.js";

/** The results of one backend. */
export interface Row {
  readonly backend: Backend;
  readonly finished: number;
  readonly open: number;
  readonly start: Readonly<Record<Side, Start>>;
  /** How long it took until all open sagas had ended, s. */
  readonly open_ended_s: number | null;
  readonly by_id: ById;
  /** Throughput removing/empty and kept/empty: medians of the rounds' ratios. */
  readonly ratio: number | null;
  readonly kept_ratio: number | null;
  readonly p99_ratio: number | null;
  readonly load: Readonly<Partial<Record<Side, Figures>>>;
  readonly entries: Readonly<Record<Side, Entries>>;
  readonly removal: Removal;
  readonly errors: number;
}

const head = ["journal", "side", "start ms", "calls/s", "p50 ms", "p99 ms", "CPU facade", "entry p99", "max"];

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => [
    ...sides.flatMap((side) => {
      const figures = row.load[side];
      const entries = row.entries[side];
      if (figures === undefined) return [];
      const cells = [figures.per_second, figures.p50_ms, figures.p99_ms, figures.cpu_ms].map((value) =>
        value.toFixed(2),
      );
      return line([
        row.backend,
        side,
        `${row.start[side].start_ms}`,
        ...cells,
        `${entries.p99_ms}`,
        `${entries.max_ms}`,
      ]);
    }),
    `         removing/empty ${row.ratio}   kept/empty ${row.kept_ratio}   p99 ${row.p99_ratio}   errors ${row.errors}`,
    `         open sagas ended after ${row.open_ended_s} s; removed a second: ${JSON.stringify(row.removal)}`,
    `         by id: ${JSON.stringify(row.by_id)}`,
    "",
  ]);
  return `${line(head)}\n${lines.join("\n")}\n`;
}
