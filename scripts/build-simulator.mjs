import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));

/**
 * Compiles the sources: run through a loader, every closure would cost a call more.
 * @param {string} name of the folder under node_modules/.cache
 * @param {string} root where the sources are
 * @returns {string} where the simulator's modules are
 */
export function buildSimulator(name, root = repository) {
  const out = join(repository, "node_modules/.cache", name);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "package.json"), '{"type":"module"}');
  const config = {
    extends: join(repository, "tsconfig.json"),
    compilerOptions: { noEmit: false, outDir: out, rootDir: join(root, "runtime"), types: ["node"] },
    typeRoots: [join(repository, "node_modules/@types")],
    files: ["run", "explore", "shrink"].map((file) => join(root, `runtime/testing/simulator/${file}.ts`)),
    include: [],
  };
  const file = join(out, "tsconfig.json");
  writeFileSync(file, JSON.stringify(config));
  execFileSync(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", file, "--noCheck"], {
    stdio: "inherit",
  });
  return join(out, "testing/simulator");
}

/**
 * Removes what was compiled.
 * @param {string} name of the folder under node_modules/.cache
 */
export function removeBuild(name) {
  rmSync(join(repository, "node_modules/.cache", name), { recursive: true, force: true });
}
