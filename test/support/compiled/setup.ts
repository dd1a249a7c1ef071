import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { compile } from "./compile.js";

/** Compiles the repository once for all test files, and again whenever vitest watches and something has changed. */
export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  // Asked once for each of vitest's projects.
  if (process.env.PROTOSAGA_COMPILED !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "protosaga-compiled-"));
  let latest = 0;
  const make = async () => {
    process.env.PROTOSAGA_COMPILED = await compile(join(folder, String(++latest)));
  };
  await make();
  project.onTestsRerun(make);
  return () => {
    delete process.env.PROTOSAGA_COMPILED;
    rmSync(folder, { recursive: true, force: true });
  };
}
