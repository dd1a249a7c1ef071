// Runs the plugin from its sources, for this repository's buf.gen.yaml, without a build step. esbuild, which is part of tsx,
// bundles the sources at the first run and after each change.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

module.enableCompileCache?.();

const directory = dirname(fileURLToPath(import.meta.url));
const entry = join(directory, "protoc-gen-saga.ts");
const cache = join(directory, "..", "node_modules", ".cache", "protosaga");
const bundle = join(cache, `protoc-gen-saga-${stamp()}.mjs`);
if (!existsSync(bundle)) {
  await build();
}
await import(pathToFileURL(bundle).href);

/** Changes with every source. It is part of the bundle's name, so that an existing bundle is never stale. */
function stamp() {
  const hash = createHash("sha256").update(directory);
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    if (/^(?!node_modules).*\.(ts|mjs)$/.test(path)) {
      const { mtimeMs, size } = statSync(join(directory, path));
      hash.update(`${path}:${mtimeMs}:${size};`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Concurrent runs build the same bundle under different names, and rename it when it is complete. */
async function build() {
  const { build: bundleWith } = await import("esbuild");
  const temporary = join(cache, `${randomBytes(6).toString("hex")}.tmp`);
  mkdirSync(cache, { recursive: true });
  await bundleWith({
    entryPoints: [entry],
    outfile: temporary,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["ts-morph"],
    // The plugin finds its package.json and its code relative to the sources, not to the cache.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(entry).href) },
    logLevel: "error",
  });
  renameSync(temporary, bundle);
  dropOld();
}

/** Removes old bundles, but none that another run may import now. */
function dropOld() {
  const minute = 60_000;
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (/^protoc-gen-saga-.*\.mjs$|\.tmp$/.test(name) && age > minute && path !== bundle) {
      rmSync(path, { force: true });
    }
  }
}
