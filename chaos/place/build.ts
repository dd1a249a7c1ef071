import { execFile } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { repository } from "../../test/support/process.js";

/**
 * Compiles the repository into a folder, for processes that start fast: a TypeScript loader would take half of the time
 * in which they are to be killed.
 */
export async function build(folder: string): Promise<void> {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const options = ["-p", repository, "--noEmit", "false", "--outDir", folder, "--rootDir", repository];
  await promisify(execFile)(process.execPath, [tsc, ...options]);
  for (const needed of ["node_modules", "proto"]) symlinkSync(join(repository, needed), join(folder, needed));
  // Generated code imports the runtime by its package's name.
  const self = { name: "protosaga", type: "module", exports: { ".": "./runtime/index.js" } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(self));
}
