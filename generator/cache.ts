import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The result of a run: the serialized CodeGeneratorResponse, and what it wrote to stderr. */
export interface CachedRun {
  readonly response: Uint8Array;
  readonly warnings: string;
}

/** Everything that the result of a run depends on. */
export interface RunInputs {
  /** The plugin's version. */
  readonly version: string;
  /** The serialized CodeGeneratorRequest, which includes the options. */
  readonly request: Uint8Array;
  /** Every file in stubs_dir by its path relative to it. */
  readonly stubs: ReadonlyMap<string, Uint8Array>;
  /** The image that `against` names. Absent if the option isn't set. */
  readonly against?: Uint8Array;
}

/** The number of runs to keep. The least recently used ones are removed first. */
const keptRuns = 32;

/**
 * The cache directory of runs started in `cwd`. Undefined, which means no cache, if there is no node_modules directory: the
 * plugin writes nothing to folders that tools don't ignore.
 */
export function cacheDirectory(cwd: string): string | undefined {
  const modules = join(cwd, "node_modules");
  const found = statSync(modules, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return found ? join(modules, ".cache", "protosaga", "responses") : undefined;
}

/** The name of a run: a hash over its inputs, the plugin's code and ts-morph's version. */
export function cacheKey(inputs: RunInputs): string {
  const hash = createHash("sha256");
  const add = (part: string | Uint8Array): void => {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    // The length prefix makes different lists of parts different bytes.
    hash.update(`${bytes.byteLength}:`).update(bytes);
  };
  add(inputs.version);
  add(codeHash());
  add(tsMorphVersion());
  add(inputs.request);
  add(inputs.against === undefined ? "" : sha256(inputs.against));
  for (const path of [...inputs.stubs.keys()].sort()) {
    add(path);
    add(inputs.stubs.get(path) ?? "");
  }
  return hash.digest("hex");
}

/** A cached run. Undefined if there is none, or if it is damaged. */
export function readCache(directory: string, key: string): CachedRun | undefined {
  const path = join(directory, key);
  return quietly(() => {
    const file = readFileSync(path);
    const body = file.subarray(64);
    if (sha256(body) !== file.toString("latin1", 0, 64)) {
      return undefined;
    }
    const split = 4 + body.readUInt32BE(0);
    quietly(() => utimesSync(path, new Date(), new Date()));
    return { warnings: body.toString("utf8", 4, split), response: body.subarray(split) };
  });
}

/** Caches a run. A failure is ignored: the next run only takes longer. */
export function writeCache(directory: string, key: string, run: CachedRun): void {
  const temporary = join(directory, `${key}.${randomBytes(6).toString("hex")}.tmp`);
  const kept = quietly(() => {
    mkdirSync(directory, { recursive: true });
    const warnings = Buffer.from(run.warnings);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(warnings.byteLength);
    const body = Buffer.concat([length, warnings, run.response]);
    writeFileSync(temporary, Buffer.concat([Buffer.from(sha256(body), "latin1"), body]));
    renameSync(temporary, join(directory, key));
    dropOldest(directory);
    return true;
  });
  if (!kept) {
    quietly(() => rmSync(temporary, { force: true }));
  }
}

/** Returns undefined on any error: without the cache, the plugin generates again. */
function quietly<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function dropOldest(directory: string): void {
  const files = readdirSync(directory).map((name) => join(directory, name));
  const used = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const dated = files.map((path) => ({ path, used: used(path) })).sort((a, b) => b.used - a.used);
  for (const { path } of dated.slice(keptRuns)) {
    rmSync(path, { force: true });
  }
}

/** A hash of all files of the generator: its sources, or the compiled files. */
function codeHash(): string {
  const self = fileURLToPath(import.meta.url);
  const directory = dirname(self);
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => extname(path) === extname(self) && !path.startsWith("node_modules"))
    .sort();
  return sha256(Buffer.concat(files.map((path) => readFileSync(join(directory, path)))));
}

function tsMorphVersion(): string {
  const read: unknown = createRequire(import.meta.url)("ts-morph/package.json");
  return typeof read === "object" && read !== null && "version" in read ? String(read.version) : "";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
