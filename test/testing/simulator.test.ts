import { describe, expect, test } from "vitest";
import type { Fired } from "../../runtime/testing/world/chance.js";
import { runSeed } from "../simulator/run.js";
import { shrink } from "../simulator/shrink.js";
import { simulate } from "./simulate.js";

describe("the simulator", () => {
  test("does the same each time it runs a seed", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const [one, other] = [await runSeed(seed, { traced: true }), await runSeed(seed, { traced: true })];
      expect(other.trace.lines, `seed ${seed}`).toEqual(one.trace.lines);
      expect(other.trace.hash).toBe(one.trace.hash);
      expect(one.trace.lines.length).toBeGreaterThan(0);
    }
  });

  test("does the same if a fault is left out that did not happen", async () => {
    const whole = await runSeed(7, { traced: true });
    const unknown = await runSeed(7, { traced: true, without: new Set(["crash@nobody"]) });
    expect(unknown.trace.hash).toBe(whole.trace.hash);
  });

  test("shrinks a failure to what it needs", async () => {
    // A bug that shows whenever the fifth fault of the seed fires.
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
    expect(shrunk.result.fired.length, "the faults that lead to that one").toBeLessThanOrEqual(4);
    expect(shrunk.leftOut.size).toBeGreaterThan(0);
  });

  // The same seeds every time, so that a change is judged by what it changes; new ones are for `npm run simulate`.
  test("finds nothing in 1,000 schedules", { timeout: 400_000 }, async () => {
    const counts = await simulate(1_000, 1);
    for (const end of ["end-completed", "end-compensated", "stuck"]) {
      expect(counts).toMatch(new RegExp(`^ +[1-9]\\d*  ${end}$`, "m"));
    }
  });
});
