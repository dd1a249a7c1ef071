import { chmodSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { RunningProcess } from "../support/process.js";
import type { Scope } from "../support/scope.js";

/** A run of chaos with a separate folder for temporary files. */
export interface StartedChaos {
  readonly chaos: RunningProcess;
  /** The temporary files and folders that it left. */
  left(): readonly string[];
}

const jars = "protosaga-kafka";

/** Starts chaos with a separate folder for temporary files. */
export function startChaos(scope: Scope, args: readonly string[]): StartedChaos {
  const temp = scope.tempDir();
  chmodSync(temp, 0o755); // PostgreSQL runs as another user where this is root.
  // Kafka's jars are fetched once and shared by all runs.
  mkdirSync(join(tmpdir(), jars), { recursive: true });
  symlinkSync(join(tmpdir(), jars), join(temp, jars));
  const chaos = scope.start("chaos/main.ts", { args, env: { TMPDIR: temp } });
  return { chaos, left: () => readdirSync(temp).filter((name) => name.startsWith("protosaga-") && name !== jars) };
}

/** Runs chaos with a new seed, which it prints, and expects that it kills a pod and finds no problem. */
export async function expectNothingWrong(scope: Scope, ...args: readonly string[]): Promise<void> {
  const seed = String(Date.now() % 1_000_000);
  process.stderr.write(`\nchaos ${args.join(" ")} --seed ${seed}\n`);
  const { chaos, left } = startChaos(scope, [...args, "--seed", seed, "--json"]);
  expect(await chaos.exited, chaos.stderr()).toEqual({ code: 0, signal: null });
  const { counts, problems } = JSON.parse(chaos.stdout());
  expect(problems).toEqual([]);
  expect(counts["SIGKILL pod"]).toBeGreaterThan(0);
  expect(chaos.stderr(), "the seed is printed").toContain(`seed ${seed}`);
  expect(left()).toEqual([]);
}
