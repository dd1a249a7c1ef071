import type { Outcome } from "./run.js";

/** The summary that is printed at the end. */
export function table(seed: string, { counts, problems, chaosMs, wholeMs }: Outcome): string {
  const rows = Object.entries(counts).map(([name, count]) => `${String(count).padStart(8)}  ${name}`);
  const kills = Object.entries(counts).reduce(
    (sum, [name, count]) => sum + (name.startsWith("SIGKILL") ? count : 0),
    0,
  );
  const minutes = chaosMs / 60_000;
  return [
    "",
    ...rows,
    "",
    `${kills} SIGKILLs, ${Math.round(kills / minutes)} a minute; faults for ${Math.round(chaosMs / 1_000)} s of ${Math.round(wholeMs / 1_000)} s`,
    problems.length === 0
      ? `seed ${seed}: nothing lost, nothing done twice, no false answer`
      : `seed ${seed}: ${problems.length} PROBLEM(S)\n${problems.map((line) => `  ${line}`).join("\n")}`,
    "",
  ].join("\n");
}
