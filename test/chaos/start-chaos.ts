import { chmodSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { RunningProcess } from "../support/process.js";
import type { Scope } from "../support/scope.js";

/** A run of chaos, and the folder in which it keeps its own. */
export interface StartedChaos {
  readonly chaos: RunningProcess;
  /** What it has in the folder for temporary files. */
  left(): readonly string[];
}

const jars = "protosaga-kafka";

/** Starts chaos with a folder of its own for temporary files. */
export function startChaos(scope: Scope, args: readonly string[]): StartedChaos {
  const temp = scope.tempDir();
  chmodSync(temp, 0o755); // PostgreSQL runs as another user where this is root.
  // Kafka's jars, which are fetched once for all, stay where they are.
  mkdirSync(join(tmpdir(), jars), { recursive: true });
  symlinkSync(join(tmpdir(), jars), join(temp, jars));
  const chaos = scope.start("chaos/main.ts", { args, env: { TMPDIR: temp } });
  return { chaos, left: () => readdirSync(temp).filter((name) => name.startsWith("protosaga-") && name !== jars) };
}

/** Runs it for some seconds, from a seed that is told, and expects that it kills and finds nothing wrong. */
export async function expectNothingWrong(scope: Scope, ...args: readonly string[]): Promise<void> {
  const seed = String(Date.now() % 1_000_000);
  process.stderr.write(`\nchaos ${args.join(" ")} --seed ${seed}\n`);
  const { chaos, left } = startChaos(scope, [...args, "--seed", seed, "--json"]);
  expect(await chaos.exited, chaos.stderr()).toEqual({ code: 0, signal: null });
  const { counts, problems } = JSON.parse(chaos.stdout());
  expect(problems).toEqual([]);
  expect(counts["SIGKILL pod"]).toBeGreaterThan(0);
  expect(chaos.stderr(), "whoever wants it again can have it").toContain(`seed ${seed}`);
  expect(left()).toEqual([]);
}
