import { execFile } from "node:child_process";
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { repository } from "./program.js";

/**
 * Compiles the repository into a folder, for processes that start fast: under a TypeScript loader a start costs more
 * than twice the processor time. Types are not checked.
 * @returns where it is compiled: in the folder, or where it runs compiled already
 */
export async function compile(folder: string): Promise<string> {
  if (import.meta.url.endsWith(".js")) return repository;
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const options = ["-p", repository, "--noEmit", "false", "--noCheck", "--outDir", folder, "--rootDir", repository];
  await promisify(execFile)(process.execPath, [tsc, ...options]);
  for (const needed of ["node_modules", "proto"]) symlinkSync(join(repository, needed), join(folder, needed));
  // Files that programs read from their own folder.
  const isProto = (path: string) => path.endsWith(".proto") || statSync(path).isDirectory();
  cpSync(join(repository, "test"), join(folder, "test"), { recursive: true, filter: isProto });
  writeFileSync(join(folder, "package.json"), JSON.stringify(compiledPackage()));
  cpSync(join(repository, "generator/package.json"), join(folder, "generator/package.json"));
  return folder;
}

/**
 * Generated code and upstreams import the package `protosaga`: the folder is that package, with the compiled entries.
 */
function compiledPackage(): object {
  const { exports, ...rest } = JSON.parse(readFileSync(join(repository, "runtime/package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  };
  const entries = Object.entries(exports).map(([path, entry]) => {
    const source = typeof entry === "string" ? undefined : entry["@protosaga/source"];
    return [path, source?.replace(/^\.\/(.*)\.ts$/, "./runtime/$1.js") ?? entry] as const;
  });
  return { ...rest, exports: Object.fromEntries(entries) };
}
