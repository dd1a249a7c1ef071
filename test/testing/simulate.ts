import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import { repository } from "../support/compiled/program.js";

/** What bounds an exploration that hangs, in seconds. A quiet machine takes 4 per 1,000 schedules. */
const longestSeconds = 300;

/**
 * Explores schedules by `npm run simulate`, in one process: test files that run at the same time have the other core.
 * @returns what it prints: how often each fault and each end was seen
 * @throws Error with the seed and what it violates, if a schedule fails
 */
export async function simulate(schedules: number, seed: number): Promise<string> {
  const args = ["--runs", String(schedules), "--seed", String(seed), "--seconds", String(longestSeconds)];
  const script = ["--import", "tsx", "scripts/simulate.ts", "--workers", "1", "--failures", "1"];
  const options = { cwd: repository, maxBuffer: 2 ** 26, timeout: 1.2 * longestSeconds * 1_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [...script, ...args], options).catch((error) => {
    const [violated, replay] = String(error.stdout).match(/^(seed \d+ violates .*|replay: .*)$/gm) ?? [];
    throw new Error(`a schedule failed: ${violated}\n${replay}\n\n${error.stdout}\n${error.stderr}`);
  });
  expect(Number(stdout.match(/^(\d+) schedules, \d+ events, .*$/m)?.[1])).toBe(schedules);
  return stdout;
}
