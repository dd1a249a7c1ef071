import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const repository = fileURLToPath(new URL("..", import.meta.url));

/** A compiled simulator. */
export interface SimulatorBuild {
  /** A program to fork: it explores each Exploration that it is sent, and answers with the Tally. */
  readonly worker: string;
  /** Removes what was compiled. */
  remove(): void;
}

/**
 * Compiles the simulator without checking types. Explorations run about a third slower under a TypeScript loader.
 * @param name of a folder under node_modules/.cache, where the compiled modules find their dependencies
 * @param root where the sources are. Default: this repository
 */
export function buildSimulator(name: string, root = repository): SimulatorBuild {
  const out = join(repository, "node_modules/.cache", name);
  const config = {
    extends: join(repository, "tsconfig.json"),
    compilerOptions: { noEmit: false, outDir: out, rootDir: root, types: ["node"] },
    typeRoots: [join(repository, "node_modules/@types")],
    files: [join(root, "scripts/simulate-worker.ts")],
    include: [],
  };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "package.json"), '{"type":"module"}');
  writeFileSync(join(out, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(out, "tsconfig.json"), "--noCheck"], { stdio: "inherit" });
  return {
    worker: join(out, "scripts/simulate-worker.js"),
    remove: () => rmSync(out, { recursive: true, force: true }),
  };
}
