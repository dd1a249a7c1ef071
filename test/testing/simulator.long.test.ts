import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";
import { simulate } from "./simulate.js";

// The same seeds every time, so that a change is judged by what it changes; new ones are for `npm run simulate`.
test.each([1, 1_000_001])(
  "the simulator finds nothing in 10,000 schedules from seed %s on, and each fault happens",
  { timeout: 400_000 },
  async (seed) => {
    const counts = await simulate(10_000, seed);
    const ends = ["end-completed", "end-compensated", "stuck", "operator-retry", "operator-skip"];
    for (const what of [...faultKinds().map((kind) => `fault ${kind}`), ...ends]) {
      expect(counts).toMatch(new RegExp(`^ +[1-9]\\d*  ${what}$`, "m"));
    }
  },
);

/** The kinds of faults in the simulator's source. */
function faultKinds(): string[] {
  const folder = join(repository, "runtime/testing/simulator");
  const text = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
  const kinds = [...text.matchAll(/(?:fault|during)\(\s*"([a-z-]+)"|kind: "(crash|stall|clock-jump)"/g)];
  return [...new Set(kinds.map(([, fault, bend]) => fault ?? bend ?? ""))];
}
