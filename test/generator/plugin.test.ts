import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema, Edition } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../generator/run.js";
import { facade, protoOf } from "./support/bad-input.js";
import { type Compiled, compile } from "./support/compile.js";
import { pluginTemplate, runPlugin } from "./support/plugin.js";
import { createWorkspace, root, type Workspace } from "./support/workspace.js";

const good = ["booking", "order", "payment"].map((name) => `booking/${name}.proto`);
const protos: Readonly<Record<string, string>> = {
  ...Object.fromEntries(good.map((path) => [path, readFileSync(join(root, "proto", path), "utf8")])),
  "bad.proto": protoOf({ name: "", says: [], rpcs: facade('steps: [{call: "bad.Up.Doo"}]') }, "bad"),
  "warn.proto": protoOf(
    { name: "", says: [], rpcs: facade('mode: MODE_SYNC steps: [{call: "warn.Up.Do"}] deadline: {seconds: 1}') },
    "warn",
  ),
};
const badLines = [
  "bad.proto:17:12: SAGA_MODE_MISSING: facade bad.S.F has no mode; ",
  'bad.proto:18:7: SAGA_STEP_UNKNOWN: bad.S.F calls unknown RPC bad.Up.Doo (did you mean "bad.Up.Do"?); ',
];
const warning =
  "warn.proto:18:64: SAGA_DEADLINE_SHORT: the deadline of warn.S.F is 1 s, but its steps may take 30300 ms";

let compiled: Compiled;
let workspace: Workspace | undefined;
beforeAll(async () => {
  compiled = await compile(protos);
});
afterEach(() => workspace?.remove());

function project(paths: readonly string[], options: readonly string[]): Workspace {
  const files = paths.map((path) => [join("proto", path), protos[path] ?? ""]);
  workspace = createWorkspace({ ...Object.fromEntries(files), "buf.gen.yaml": pluginTemplate(options) });
  return workspace;
}

function tree(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]));
}

describe("through buf generate", () => {
  test("the booking example is generated, and the same again", async () => {
    const { directory, buf } = project(good, ["stubs_dir=gen/node"]);
    expect(await buf("generate")).toEqual({ code: 0, stdout: "", stderr: "" });
    const first = tree(join(directory, "gen"));
    const rooms = new Set(Object.keys(first).map((path) => path.split("/")[0]));
    expect([...rooms].sort()).toEqual(["dto", "facade", "handler", "node", "topic"]);
    expect(await buf("generate")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(tree(join(directory, "gen"))).toEqual(first);
  });

  test("all errors are reported, and nothing is written", async () => {
    const { directory, buf, write } = project([...good, "bad.proto"], ["stubs_dir=gen/node", "speed=high"]);
    write({ "gen/node/mine.ts": "// mine\n" });
    const { code, stderr } = await buf("generate");
    expect(code).not.toBe(0);
    const lines = stderr.trim().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('SAGA_OPTION_INVALID: invalid option "speed=high": unknown option; ');
    expect(lines[1]?.startsWith(badLines[0] ?? "-")).toBe(true);
    expect(lines[2]?.startsWith(badLines[1] ?? "-")).toBe(true);
    expect(tree(join(directory, "gen"))).toEqual({ "node/mine.ts": "// mine\n" });
  });

  test("without stubs_dir, no folder is guessed", async () => {
    const { directory, buf } = project(good, []);
    const { code, stderr } = await buf("generate");
    expect(code).not.toBe(0);
    expect(stderr).toContain("SAGA_OPTION_MISSING: ");
    expect(existsSync(join(directory, "gen"))).toBe(false);
  });

  test("warnings are written to stderr", async () => {
    const { directory, buf } = project(["warn.proto"], ["stubs_dir=gen/node"]);
    const { code, stderr } = await buf("generate");
    expect(code).toBe(0);
    expect(stderr).toContain(warning);
    expect(existsSync(join(directory, "gen/facade"))).toBe(true);
  });
});

describe("as a process", () => {
  test("--version prints the version; other arguments are rejected", () => {
    const { version } = JSON.parse(readFileSync(join(root, "generator/package.json"), "utf8"));
    const shown = runPlugin(new Uint8Array(), ["--version"]);
    expect([shown.code, shown.stdout.toString(), shown.stderr]).toEqual([0, `protoc-gen-saga v${version}\n`, ""]);
    const refused = runPlugin(new Uint8Array(), ["--help"]);
    expect([refused.code, refused.stdout.toString()]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(/^protoc-gen-saga reads a CodeGeneratorRequest from stdin and has no argument.*\n$/);
  });

  test("a bug of the plugin is reported on stderr, with exit code 1 and nothing on stdout", () => {
    const broken = runPlugin(new Uint8Array([255, 255, 255]));
    expect([broken.code, broken.stdout.toString()]).toEqual([1, ""]);
    expect(broken.stderr).toMatch(/^protoc-gen-saga: .*\n +at /);
  });

  test("schema errors are in the response, with exit code 0", () => {
    const request = compiled.request(["bad.proto"], "stubs_dir=gen/node");
    const done = runPlugin(toBinary(CodeGeneratorRequestSchema, request));
    expect([done.code, done.stderr]).toEqual([0, ""]);
    const response = fromBinary(CodeGeneratorResponseSchema, done.stdout);
    expect(response.file).toEqual([]);
    expect(response.error.split("\n").map((line) => line.split("; ")[0])).toEqual(
      badLines.map((line) => line.split("; ")[0]),
    );
  });

  test("a known run is answered from the cache, warnings too, unless cache=false", () => {
    const { directory } = project(["warn.proto"], []);
    mkdirSync(join(directory, "node_modules"));
    const request = (parameter: string) =>
      toBinary(CodeGeneratorRequestSchema, compiled.request(["warn.proto"], parameter));
    const kept = join(directory, "node_modules/.cache/protosaga/responses");
    runPlugin(request("stubs_dir=gen/node,cache=false"), [], directory);
    expect(existsSync(kept)).toBe(false);
    const first = runPlugin(request("stubs_dir=gen/node"), [], directory);
    const files = () => readdirSync(kept).map((name) => statSync(join(kept, name)).ino);
    const written = files();
    expect(written).toHaveLength(1);
    expect(runPlugin(request("stubs_dir=gen/node"), [], directory)).toEqual(first);
    // A run that isn't answered from the cache writes its file again.
    expect(files()).toEqual(written);
    expect(first.stderr).toContain(warning);
  });
});

describe("run", () => {
  const readFile = () => ({ problem: "no file" });
  const environment = { version: "", readStubs: () => new Map(), readFile, warn: () => {} };

  test("reports the features that it supports, with errors or without", async () => {
    const features = { supportedFeatures: 3n, minimumEdition: Edition.EDITION_PROTO2 };
    for (const path of ["bad.proto", "booking/order.proto"]) {
      const response = await run(compiled.request([path], "stubs_dir=x"), environment);
      expect(response).toMatchObject(features);
      expect(response.maximumEdition).toBeGreaterThanOrEqual(Edition.EDITION_2023);
    }
  });

  test("reads no stubs if there are errors, and writes nothing if there are no facades", async () => {
    const readStubs = () => {
      throw new Error("must not be called");
    };
    const failed = await run(compiled.request(["bad.proto"], "stubs_dir=x"), { ...environment, readStubs });
    expect(failed.error).not.toBe("");
    expect(failed.file).toEqual([]);
    const empty = await run(compiled.request(["booking/order.proto"], "stubs_dir=x"), environment);
    expect([empty.error, empty.file]).toEqual(["", []]);
  });
});
