import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { runSeed } from "../../runtime/testing/simulator/run.js";
import { shrink } from "../../runtime/testing/simulator/shrink.js";
import type { Fired } from "../../runtime/testing/world/chance.js";
import { repository } from "../support/compiled/program.js";

const run = promisify(execFile);

/** How many schedules each exploration runs: two of them are what the project promises of its CI. */
const schedules = 10_000;
/** What bounds it where something hangs; a quiet machine of two cores takes about 20. */
const longestSeconds = 300;

describe("the simulator", () => {
  test("comes to the same whenever a seed is run", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const [one, other] = [await runSeed(seed, { traced: true }), await runSeed(seed, { traced: true })];
      expect(other.trace.lines, `seed ${seed}`).toEqual(one.trace.lines);
      expect(other.trace.hash).toBe(one.trace.hash);
      expect(one.trace.lines.length).toBeGreaterThan(0);
    }
  });

  test("goes on as before where one fault is left out that changed nothing else", async () => {
    const whole = await runSeed(7, { traced: true });
    const unknown = await runSeed(7, { traced: true, without: new Set(["crash@nobody"]) });
    expect(unknown.trace.hash).toBe(whole.trace.hash);
  });

  test("shrinks a failure to what it needs", async () => {
    // A bug that shows wherever the fifth fault of the seed fires.
    const { fired } = await runSeed(24);
    const cause = fired[4] as Fired;
    const buggy: typeof runSeed = async (seed, options) => {
      const result = await runSeed(seed, options);
      const hit = result.fired.some(({ kind, site }) => kind === cause.kind && site === cause.site);
      return hit ? { ...result, violations: [{ invariant: "made up", what: "", atMs: 0 }] } : result;
    };
    const shrunk = await shrink(await buggy(24), buggy);
    expect(fired.length).toBeGreaterThan(8);
    expect(shrunk.result.violations).toHaveLength(1);
    expect(shrunk.result.fired).toContainEqual(cause);
    expect(shrunk.result.fired.length, "what it takes to come to that fault").toBeLessThanOrEqual(4);
    expect(shrunk.leftOut.size).toBeGreaterThan(0);
  });

  // The same seeds every time, so that a change is judged by what it changes; new ones are for `npm run simulate`.
  test.each([1, 1_000_001])(
    `finds nothing in ${schedules} schedules from seed %s on`,
    { timeout: 400_000 },
    async (from) => {
      const most = ["--seconds", String(longestSeconds), "--failures", "1", "--workers", "2", "--seed", String(from)];
      const args = ["scripts/simulate.mjs", "--runs", String(schedules), ...most];
      const options = { cwd: repository, maxBuffer: 2 ** 26, timeout: 1.2 * longestSeconds * 1_000 };
      const { stdout } = await run(process.execPath, args, options).catch((error) => {
        const failed = String(error.stdout).match(/^(seed \d+ violates .*|replay: .*)$/gm) ?? [];
        const [violated, replay] = failed;
        throw new Error(`a schedule failed: ${violated}\n${replay}\n\n${error.stdout}\n${error.stderr}`);
      });
      const ran = Number(stdout.match(/^(\d+) schedules, \d+ events, .*$/m)?.[1]);
      expect(ran).toBe(schedules);
      for (const kind of faultKinds()) {
        expect(stdout, "each kind of fault must happen, or it is none").toMatch(
          new RegExp(`^ +[1-9]\\d*  fault ${kind}$`, "m"),
        );
      }
      for (const end of ["end-completed", "end-compensated", "stuck", "operator-retry", "operator-skip"]) {
        expect(stdout).toMatch(new RegExp(`^ +[1-9]\\d*  ${end}$`, "m"));
      }
    },
  );
});

/** The kinds of faults that stand in the simulator's source. */
function faultKinds(): Set<string> {
  const folder = join(repository, "runtime/testing/simulator");
  const text = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
  const kinds = [...text.matchAll(/(?:fault|during)\(\s*"([a-z-]+)"|kind: "(crash|stall|clock-jump)"/g)];
  return new Set(kinds.map(([, fault, bend]) => fault ?? bend ?? ""));
}
