import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { emit } from "../../generator/emit/emit.js";
import { merge } from "../../generator/merge/merge.js";
import { emitOptions, planOf } from "./emit-fixture.js";
import { root } from "./support/workspace.js";

const run = promisify(execFile);

/** A TypeScript project with the generated code of some .proto files, below the repository so that imports resolve. */
export interface TypesProject {
  /** Adds a file of the user's, by its path relative to the generated code. */
  add(path: string, content: string): void;
  /**
   * Adds a copy of the generated code, by a name, in which one file is another.
   * @throws Error where the edit changes nothing
   */
  vary(name: string, path: string, edit: (content: string) => string): void;
  /**
   * Runs tsc with the repository's strict settings on everything at once, which takes as long as one file.
   * @returns its errors in a file or folder, `generated`, `added/<path>` or `varied/<name>`; "" if there are none
   */
  typecheck(): Promise<(path: string) => string>;
  /** What biome reports about the generated code; "" if nothing. */
  lint(): Promise<string>;
  remove(): void;
}

const tsProto = `version: v2
inputs:
  - directory: proto
plugins:
  - local: [node, ${JSON.stringify(join(root, "node_modules/ts-proto/protoc-gen-ts_proto"))}]
    out: generated/pb
    strategy: all
    include_imports: true
    include_wkt: true
    opt: [outputServices=grpc-js, env=node, esModuleInterop=true, importSuffix=.js, forceLong=bigint,
      oneof=unions-value, useExactTypes=false, outputIndex=false, annotateFilesWithVersion=false]
`;

/** Generates everything for .proto files: with ts-proto itself, and with this plugin. */
export async function createTypesProject(protos: Readonly<Record<string, string>>): Promise<TypesProject> {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "protosaga-types-"));
  const put = (path: string, content: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  };
  for (const [path, content] of Object.entries(protos)) {
    put(`proto/${path}`, content);
  }
  cpSync(join(root, "proto/saga/v1"), join(directory, "proto/saga/v1"), { recursive: true });
  put("buf.yaml", "version: v2\nmodules:\n  - path: proto\n");
  put("buf.gen.yaml", tsProto);
  await run(join(root, "node_modules/.bin/buf"), ["generate"], { cwd: directory });
  const plan = await planOf(protos);
  const merged = merge(plan, { ...emitOptions, stubsDir: "generated/node" }, new Map());
  for (const { path, content } of [...emit(plan, emitOptions), ...merged.files]) {
    put(`generated/${path}`, content);
  }
  const up = relative(directory, root);
  const compilerOptions = { noEmit: true, paths: { protosaga: [`${up}/runtime/index.ts`] } };
  const files = { include: ["generated", "added", "varied"], exclude: ["varied/*/pb"] };
  put("tsconfig.json", JSON.stringify({ extends: `${up}/tsconfig.json`, compilerOptions, ...files }));
  return {
    add: (path, content) => put(`added/${path}`, content),
    vary(name, path, edit) {
      const copy = join(directory, "varied", name);
      cpSync(join(directory, "generated"), copy, { recursive: true, filter: (from) => !from.endsWith("/pb") });
      symlinkSync(join(directory, "generated/pb"), join(copy, "pb"));
      const original = readFileSync(join(copy, path), "utf8");
      const content = edit(original);
      if (content === original) throw new Error(`${name} varies nothing in ${path}`);
      writeFileSync(join(copy, path), content);
    },
    async typecheck() {
      const said = await outputOf("tsc", ["-p", directory, "--pretty", "false"], root);
      // What goes with a line is indented below it.
      const errors = said.split(/\n(?! )/).filter((text) => text !== "");
      return (path) => errors.filter((text) => new RegExp(`/${path}[/(]`).test(text)).join("\n");
    },
    lint: () => lint(join(directory, "generated")),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Lints a copy with the repository's settings, because biome ignores node_modules. */
async function lint(generated: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), "protosaga-lint-"));
  try {
    cpSync(generated, join(copy, "generated"), { recursive: true });
    const settings = JSON.parse(readFileSync(join(root, "biome.json"), "utf8")) as Record<string, unknown>;
    writeFileSync(join(copy, "biome.json"), JSON.stringify({ ...settings, vcs: {} }));
    return await outputOf("biome", ["check", "--error-on-warnings", "--max-diagnostics=50", "generated"], copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function outputOf(tool: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    await run(join(root, "node_modules/.bin", tool), args, { cwd, maxBuffer: 1 << 26 });
    return "";
  } catch (error) {
    const failed = error as { stdout?: string; stderr?: string };
    return `${failed.stdout ?? ""}${failed.stderr ?? String(error)}`;
  }
}
