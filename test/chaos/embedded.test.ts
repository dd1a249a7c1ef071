import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { descendantsOf, living } from "../support/processes.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";

const scope = createScope();

/** Starts chaos with a folder of its own for temporary files. */
function startChaos(...args: readonly string[]) {
  const temp = scope.tempDir();
  return { temp, chaos: scope.start("chaos/main.ts", { args: ["--embedded", ...args], env: { TMPDIR: temp } }) };
}

function leftIn(temp: string): readonly string[] {
  return readdirSync(temp).filter((name) => name.startsWith("protosaga-"));
}

test("a short run kills, and finds nothing lost, doubled or falsely answered", async () => {
  const seed = String(Date.now() % 1_000_000);
  process.stderr.write(`\nchaos --embedded --seconds 10 --seed ${seed}\n`);
  const { temp, chaos } = startChaos("--seconds", "10", "--seed", seed, "--json");
  expect(await chaos.exited, chaos.stderr()).toEqual({ code: 0, signal: null });
  const { counts, problems } = JSON.parse(chaos.stdout());
  expect(problems).toEqual([]);
  expect(counts["SIGKILL pod"]).toBeGreaterThan(0);
  expect(chaos.stderr(), "whoever wants it again can have it").toContain(`seed ${seed}`);
  expect(leftIn(temp)).toEqual([]);
}, 240_000);

test("cut short by SIGINT it leaves no process and no folder behind", async () => {
  const { temp, chaos } = startChaos("--seconds", "60");
  await until(() => chaos.stderr().includes("everything runs"), { what: "chaos to begin", timeoutMs: 60_000 });
  const started = descendantsOf(chaos.pid);
  expect(started.length).toBeGreaterThan(2);
  expect(await chaos.stop("SIGINT")).toEqual({ code: 130, signal: null });
  await until(() => living(started).length === 0, { what: "all processes to be gone" });
  expect(leftIn(temp)).toEqual([]);
}, 120_000);
