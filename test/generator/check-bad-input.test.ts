import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { check } from "../../generator/check/check.js";
import { generatorCodes } from "../../generator/check/codes.js";
import { read } from "../../generator/read/read.js";
import { badFacades } from "./support/bad-facades.js";
import { expectedIn, protoOf } from "./support/bad-input.js";
import { badSteps } from "./support/bad-steps.js";
import { badValues } from "./support/bad-values.js";
import { type Compiled, compile } from "./support/compile.js";
import { root } from "./support/workspace.js";

const cases = [...badFacades, ...badSteps, ...badValues].map((input, index) => {
  const packageName = `bad${index}`;
  return { ...input, packageName, path: `${packageName}.proto`, proto: protoOf(input, packageName) };
});

let compiled: Compiled;
beforeAll(async () => {
  compiled = await compile(Object.fromEntries(cases.map(({ path, proto }) => [path, proto])));
});

describe.each(cases)("$name", ({ path, proto, packageName, says }) => {
  test("has every error reported with its location, all together and in order", () => {
    const { diagnostics, plan } = check(read(compiled.request([path])));
    const found = diagnostics.map(({ code, place }) => ({ code, line: place.line, column: place.column }));
    expect(found).toEqual(expectedIn(proto));
    expect(diagnostics.every(({ place }) => place.path === path)).toBe(true);
    const failed = diagnostics.some(({ severity }) => severity === "error");
    expect(plan === undefined).toBe(failed);
  });

  test("is reported with a fix", () => {
    const { diagnostics } = check(read(compiled.request([path])));
    expect(diagnostics.length).toBe(says.length);
    for (const [index, text] of says.entries()) {
      expect(diagnostics[index]?.message).toContain(text.replaceAll("$", packageName).replaceAll("#", packageName));
      expect(diagnostics[index]?.message).toMatch(/^[^;]+; [^;]+$/);
    }
  });
});

test("errors of all files are reported together, by file, line and column", () => {
  const { diagnostics } = check(read(compiled.request(cases.map(({ path }) => path).reverse())));
  const expected = cases
    .flatMap(({ path, proto }) => expectedIn(proto).map((at) => ({ path, ...at })))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line || a.column - b.column));
  const own = diagnostics.filter(({ code }) => code !== "SAGA_TOPIC_DUPLICATE");
  expect(own.map(({ code, place }) => ({ ...place, code }))).toEqual(
    expected.filter(({ code }) => code !== "SAGA_TOPIC_DUPLICATE"),
  );
});

test("every code of the catalogue is exercised", () => {
  // Those of the plugin's options, of node stubs and of breaks have tests of their own; see below.
  const codes = Object.keys(generatorCodes).filter((code) => !/^SAGA_(OPTION|STUB|AGAINST|BREAK)_/.test(code));
  const exercised = new Set(cases.flatMap(({ proto }) => expectedIn(proto).map(({ code }) => code)));
  expect([...exercised].sort()).toEqual(codes.sort());
});

test("the catalogue's codes for node stubs and options are those that are reported, and have tests", () => {
  const codes = Object.keys(generatorCodes).filter((code) => /^SAGA_(OPTION|STUB)_/.test(code));
  expect(codesIn("generator/merge", "generator/options.ts")).toEqual(codes.sort());
  expect(codesIn("test/generator")).toEqual(expect.arrayContaining(codes));
});

/** The codes for node stubs and options that files, or the files right in directories, name. */
function codesIn(...paths: readonly string[]): readonly string[] {
  const files = paths
    .map((path) => join(root, path))
    .flatMap((path) => (path.endsWith(".ts") ? [path] : readdirSync(path).map((name) => join(path, name))))
    .filter((path) => path.endsWith(".ts"));
  const codes = files.flatMap((path) => readFileSync(path, "utf8").match(/SAGA_(OPTION|STUB)_[A-Z]+(_[A-Z]+)*/g) ?? []);
  return [...new Set(codes)].sort();
}
