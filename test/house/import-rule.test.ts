import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ts } from "ts-morph";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

const grpc = ["@grpc/grpc-js", "@bufbuild/protobuf"];
const server = ["@grpc/reflection", "grpc-health-check", "pino"];
const engine = ["core", "facade", "journal", "broker", "engine", "pb"].map((folder) => `runtime/${folder}`);
const adapters = ["runtime/journal/sqlite", "runtime/journal/postgres", "runtime/broker/kafka"];
const stages = ["read", "check", "emit", "merge"].map((stage) => `generator/${stage}`);

/**
 * What the files of a folder may import besides each other: rows of this table, packages, and Node's modules (`node:`).
 * A file belongs to the longest row that fits it; `/*` stands for the files directly in a folder.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "runtime/core": [],
  "runtime/pb": [...grpc],
  "runtime/facade": ["runtime/core", "@grpc/grpc-js", "js-tokens", "node:"],
  "runtime/config": ["runtime/core", "yaml", "zod", "node:"],
  "runtime/journal": ["runtime/core", "runtime/pb", "node:"],
  "runtime/journal/sqlite": ["runtime/core", "runtime/journal", "libsql", "node:"],
  "runtime/journal/postgres": ["runtime/core", "runtime/journal", "pg", "node:"],
  "runtime/broker": ["runtime/core", "runtime/journal", "node:"],
  "runtime/broker/kafka": ["runtime/core", "runtime/journal", "runtime/broker", "kafkajs", "node:"],
  "runtime/engine": ["runtime/core", "runtime/facade", "runtime/journal", "runtime/broker", "node:"],
  "runtime/operate": [...engine, "@bufbuild/protobuf"],
  "runtime/grpc": [...engine, ...adapters, "runtime/operate", "runtime/config", ...grpc, ...server, "node:"],
  "runtime/upstream": ["runtime/core", "runtime/pb", ...grpc, "node:"],
  "runtime/testing": [...engine, "runtime/upstream", "node:"],
  "runtime/*": [...engine, ...adapters, "runtime/config", "runtime/operate", "runtime/grpc"],
  "generator/model.ts": [],
  "generator/ts-morph.ts": ["ts-morph", "node:"],
  "generator/read": ["generator/model.ts", "@bufbuild/protobuf", "node:"],
  "generator/check": ["generator/model.ts", "node:"],
  "generator/emit": ["generator/model.ts", "generator/ts-morph.ts", "node:"],
  "generator/merge": ["generator/model.ts", "generator/ts-morph.ts", "generator/emit", "ts-morph", "node:"],
  "generator/*": ["generator/model.ts", ...stages, "@bufbuild/protobuf", "node:"],
  generated: ["protosaga", "vitest", ...grpc],
  chaos: ["runtime/pb", "generated", "protosaga", "test", "@grpc/grpc-js", "node:"],
  test: [],
};

function rowOf(path: string): string | undefined {
  const fits = (row: string) => (row.endsWith("/*") ? `${dirname(path)}/*` === row : `${path}/`.startsWith(`${row}/`));
  return Object.keys(allowed)
    .filter(fits)
    .sort((one, other) => other.length - one.length)[0];
}

/** The modules that a source imports, types included: files of this repository, or names of packages. */
function importsOf(file: string, text = readFileSync(join(repository, file), "utf8")): string[] {
  return ts.preProcessFile(text).importedFiles.map(({ fileName: name }) => {
    if (name.startsWith("node:")) return "node:";
    if (!name.startsWith(".")) return name.split("/", name.startsWith("@") ? 2 : 1).join("/");
    const target = join(dirname(file), name);
    const source = target.replace(/\.js$/, ".ts");
    return existsSync(join(repository, source)) ? source : target;
  });
}

function graphOf(folders: readonly string[]): Map<string, string[]> {
  const files = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  const sources = files.filter((file) => file.endsWith(".ts") && !/\/(dist|node_modules)\//.test(file));
  return new Map(sources.map((file) => [file, importsOf(file)]));
}

test.each(["runtime", "generator", "generated", "chaos"])("%s imports only what the table allows", (folder) => {
  const strays = [...graphOf([folder])].flatMap(([file, modules]) => {
    const row = rowOf(file);
    const permitted = row === undefined ? [] : [row, ...(allowed[row] ?? [])];
    return modules
      .filter((module) => !permitted.includes(rowOf(module) ?? module))
      .map((module) => `${file} imports ${module}`);
  });
  expect(strays).toEqual([]);
});

test("no file imports itself through others", () => {
  // A generated facade and the stubs of its nodes name each other's types: users fill in the stubs.
  const graph = graphOf(["runtime", "generator", "bench", "chaos", "examples", "scripts", "test"]);
  const cycles: string[] = [];
  const done = new Set<string>();
  function visit(file: string, path: readonly string[]): void {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const module of graph.get(file) ?? []) visit(module, [...path, file]);
    done.add(file);
  }
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test.each([
  'import { a } from "../core/errors.js";',
  'import type { A } from "../core/errors.js";',
  'export * from "../core/errors.js";',
  'export type { A } from "../core/errors.js";',
  'type A = import("../core/errors.js").A;',
  'const a = await import("../core/errors.js");',
  'import "../core/errors.js";',
])("an import is seen in: %s", (text) => {
  expect(importsOf("runtime/facade/a.ts", text)).toEqual(["runtime/core/errors.ts"]);
});
