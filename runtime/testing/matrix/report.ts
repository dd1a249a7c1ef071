import { compareCalls, compareEnds, type Row } from "./compare.js";
import type { Expected } from "./expected.js";
import type { Seen } from "./seen.js";

/** What is wrong with what came of a case, to be shown to people; undefined where nothing is. */
export function report(name: string, expected: Expected, seen: Seen): string | undefined {
  const rows = [...compareCalls(expected.stages, seen.calls), ...compareEnds(expected, seen)];
  const differs = rows.some((row) => row.expected !== row.seen);
  if (!differs && seen.broken.length === 0) {
    return undefined;
  }
  const about = [
    ...seen.broken.map((what) => `broken: ${what}`),
    ...seen.threw.map((what) => `node: ${what}`),
    ...seen.said.map((what) => `the engine said: ${what}`),
  ];
  const what = differs ? "came out otherwise than expected" : "broke a promise";
  return [`${name}: ${what}`, "", ...table(rows), ...(about.length > 0 ? ["", ...about] : [])].join("\n");
}

/** Expected and seen side by side; rows that differ are marked. */
function table(rows: readonly Row[]): string[] {
  const counted = collapse(rows);
  const width = Math.max(8, ...counted.map(({ expected }) => expected.length));
  const line = (mark: string, expected: string, seen: string) => `${mark} ${expected.padEnd(width)}  ${seen}`.trimEnd();
  return [
    line(" ", "expected", "seen"),
    ...counted.map(({ expected, seen, differs }) => line(differs ? "≠" : " ", expected, seen)),
  ];
}

/** The same row again and again is one that says how often. */
function collapse(rows: readonly Row[]): (Row & { readonly differs: boolean })[] {
  const groups: { row: Row; count: number }[] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last !== undefined && last.row.expected === row.expected && last.row.seen === row.seen) {
      last.count++;
    } else {
      groups.push({ row, count: 1 });
    }
  }
  return groups.map(({ row, count }) => {
    const times = (text: string) => (count === 1 || text === "" ? text : `${text}  × ${count}`);
    return { expected: times(row.expected), seen: times(row.seen), differs: row.expected !== row.seen };
  });
}
