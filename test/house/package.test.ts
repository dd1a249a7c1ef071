import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

const run = promisify(execFile);
const root = mkdtempSync(join(tmpdir(), "protosaga-package-"));
/** A user's project, with the packed packages installed. */
const project = join(root, "project");
const installed = join(project, "node_modules/protosaga");

beforeAll(async () => {
  const sources = copySources();
  const packed = join(root, "packed");
  mkdirSync(packed);
  for (const folder of ["generator", "runtime"]) {
    await run("npm", ["pack", "--pack-destination", packed], { cwd: join(sources, folder) });
  }
  await install(readdirSync(packed).map((file) => join(packed, file)));
  await build();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of what the packages are made of: packing the repository itself would disturb tests that read its folders. */
function copySources(): string {
  const sources = join(root, "sources");
  const skipped = new Set(["node_modules", "dist", "data", "test", ".git"].map((name) => join(repository, name)));
  const filter = (path: string) => !skipped.has(path) && !/[/\\](node_modules|dist)$/.test(path);
  cpSync(repository, sources, { recursive: true, filter });
  // With the root's package.json, npm would read the workspaces.
  rmSync(join(sources, "package.json"));
  symlinkSync(join(repository, "node_modules"), join(sources, "node_modules"));
  return sources;
}

/** Installs the packages by npm without a network: their dependencies are there already, copied from the repository's. */
async function install(packages: readonly string[]): Promise<void> {
  const manifests = ["generator", "runtime"].map((folder) => readJson<Dependent>(`${folder}/package.json`));
  copyDependencies([...manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies)), "@types/node"]);
  const { version } = readJson<{ version: string }>("node_modules/@types/node/package.json");
  const manifest = { private: true, type: "module", devDependencies: { "@types/node": version } };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  const options = ["--offline", "--ignore-scripts", "--no-audit", "--cache", join(root, "cache")];
  await run("npm", ["rebuild", ...options], { cwd: project }); // Links the commands of what was copied.
  await run("npm", ["install", ...options, ...packages], { cwd: project });
}

/** Generates with the installed plugin, and compiles the example and a program on it; types of the package included. */
async function build(): Promise<void> {
  // The other examples need their frameworks.
  for (const folder of ["examples/booking", "examples/plain-server", "generated", "proto"]) {
    cpSync(join(installed, folder), join(project, folder), { recursive: true });
  }
  rmSync(join(project, "generated/facade"), { recursive: true });
  rmSync(join(project, "generated/spec"), { recursive: true });
  const program = "test/house/installed-program.ts";
  cpSync(join(repository, program), join(project, program), { recursive: true });
  const plugin = { local: "protoc-gen-saga", out: "generated", strategy: "all", opt: ["stubs_dir=generated/node"] };
  const inputs = [{ directory: "proto", paths: ["proto/booking"] }];
  writeJson("buf.yaml", { version: "v2", modules: [{ path: "proto" }] });
  writeJson("buf.gen.yaml", { version: "v2", inputs, plugins: [plugin] });
  const compilerOptions = { module: "nodenext", target: "es2022", strict: true, types: ["node"] };
  const output = { outDir: "build", rootDir: "." };
  writeJson("tsconfig.json", { compilerOptions: { ...compilerOptions, ...output }, exclude: ["build"] });
  const PATH = [join(project, "node_modules/.bin"), join(repository, "node_modules/.bin"), process.env.PATH].join(":");
  await run("buf", ["generate"], { cwd: project, env: { ...process.env, PATH } });
  await run("tsc", ["-p", "."], { cwd: project, env: { ...process.env, PATH } });
  cpSync(join(project, "proto"), join(project, "build/proto"), { recursive: true });
}

interface Outcome {
  readonly loaded: readonly string[];
  readonly answer?: readonly string[];
  readonly error?: string;
}

/** Runs the program on a data directory of its own. */
async function runProgram(config: object): Promise<Outcome> {
  const args = ["build/test/house/installed-program.js", JSON.stringify(config), mkdtempSync(join(root, "data-"))];
  const { stdout } = await run(process.execPath, args, { cwd: project });
  return JSON.parse(stdout) as Outcome;
}

const postgres = { journal: { kind: "postgres", postgres: { url: "postgres://localhost:1/none" } } };
const kafka = { broker: { kind: "kafka", kafka: { brokers: ["localhost:1"] } } };

test("every file that an export or a source map names is in the package", () => {
  const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  };
  const entries = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : Object.values(entry)));
  expect(entries.filter((file) => !existsSync(join(installed, file)))).toEqual([]);

  const maps = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".map"));
  expect(maps.length).toBeGreaterThan(100);
  const sources = maps.flatMap((map) => {
    const { sources: named } = JSON.parse(readFileSync(join(installed, map), "utf8")) as { readonly sources: string[] };
    return named.map((source) => join(dirname(map), source));
  });
  expect(sources.filter((source) => !existsSync(join(installed, source)))).toEqual([]);
});

test("the packages have the protos and the documentation, and protosaga none of the generator", async () => {
  const files = [
    "proto/saga/v1/saga.proto",
    "proto/saga/v1/service.proto",
    "docs/reference/generator.md",
    "README.md",
    "LICENSE",
  ];
  expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([]);
  const { dependencies = {} } = readJson<Dependent>("runtime/package.json");
  expect(Object.keys(dependencies)).not.toContain("ts-morph");
});

test("a server on SQLite runs without pg and kafkajs; other settings say how to install them", async () => {
  expect(await runProgram({})).toMatchObject({ answer: ["1", "2"], world: "function" });
  const { error } = await runProgram(postgres);
  expect(error).toBe("SAGA_CONFIG_INVALID: journal.kind: postgres needs the npm package pg; install it: npm i pg@8");
  expect((await runProgram(kafka)).error).toBe(
    "SAGA_CONFIG_INVALID: broker.kind: kafka needs the npm package kafkajs; install it: npm i kafkajs@2",
  );
});

test("a server on SQLite loads neither pg nor kafkajs nor ts-morph, although they are installed", async () => {
  copyDependencies(["pg", "kafkajs"]);
  const optional = ["pg", "kafkajs", "ts-morph"];
  const sqlite = await runProgram({});
  expect(sqlite.loaded).toContain("@grpc/grpc-js");
  expect(sqlite.loaded.filter((name) => optional.includes(name))).toEqual([]);
  // That list would name them.
  const { error, loaded } = await runProgram(postgres);
  expect(error).toMatch(/^SAGA_JOURNAL_UNAVAILABLE/);
  expect(loaded.filter((name) => optional.includes(name))).toEqual(["pg"]);
});

interface Dependent {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Copies packages of the repository and what they depend on, as the lock file places them. */
function copyDependencies(names: readonly string[]): void {
  const { packages } = readJson<{ packages: Readonly<Record<string, Dependent>> }>("package-lock.json");
  const copied = new Set<string>();
  const copy = (name: string, dependent: string): void => {
    const path = placeOf(name, dependent);
    const from = join(repository, path);
    // The optional packages of other platforms are not there.
    if (copied.has(path) || !existsSync(from)) return;
    copied.add(path);
    cpSync(from, join(project, path), { recursive: true });
    const { dependencies, optionalDependencies } = packages[path] ?? {};
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) copy(needed, path);
  };
  /** The nearest place, from the dependent's own node_modules to the root's. */
  const placeOf = (name: string, dependent: string): string => {
    const path = join(dependent, "node_modules", name);
    return dependent === "" || path in packages
      ? path
      : placeOf(name, dependent.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, ""));
  };
  for (const name of names) copy(name, "");
}

function readJson<Content>(file: string): Content {
  return JSON.parse(readFileSync(join(repository, file), "utf8")) as Content;
}

function writeJson(file: string, content: object): void {
  writeFileSync(join(project, file), JSON.stringify(content));
}
