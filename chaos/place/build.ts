import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
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
  writeFileSync(join(folder, "package.json"), JSON.stringify(compiledPackage()));
}

/** Generated code and upstreams import the runtime by its package's name: the same entries, in their compiled form. */
function compiledPackage(): object {
  const { name, type, exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    readonly name: string;
    readonly type: string;
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  };
  const entries = Object.entries(exports).map(([path, entry]) => {
    const source = typeof entry === "string" ? undefined : entry["@protosaga/source"];
    return [path, source?.replace(/\.ts$/, ".js") ?? entry] as const;
  });
  return { name, type, exports: Object.fromEntries(entries) };
}
