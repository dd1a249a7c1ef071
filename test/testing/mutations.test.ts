import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ts } from "ts-morph";
import { describe, expect, test } from "vitest";
import { type Change, findMutationPoints, type MutationPoint, mutate } from "../../scripts/mutation-points.js";
import { mutations } from "../../scripts/mutations.js";
import { repository } from "../support/compiled/program.js";
import { createScope } from "../support/scope.js";

const runtime = join(repository, "runtime");
const points = findMutationPoints(runtime);

function syntaxErrors(text: string): string[] {
  const options = { reportDiagnostics: true, compilerOptions: { target: ts.ScriptTarget.ES2022 } };
  const { diagnostics = [] } = ts.transpileModule(text, options);
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

describe("the runtime", () => {
  test.each(mutations.map((mutation) => [mutation.breaks, mutation] as const))(
    "names the place of a break, and compiles with it: %s",
    (_, { point, change }) => {
      const found = points.get(point);
      expect(found, `a comment "// mutation: ${point}"`).toBeDefined();
      const { file } = found as MutationPoint;
      const mutated = mutate(readFileSync(join(runtime, file), "utf8"), found as MutationPoint, change);
      expect(syntaxErrors(mutated)).toEqual([]);
    },
  );

  test("names no place that no break uses", () => {
    expect([...points.keys()].sort()).toEqual(mutations.map(({ point }) => point).sort());
  });
});

describe("a mutation point", () => {
  const scope = createScope();

  function mutated(text: string, change: Change): string {
    const folder = scope.tempDir();
    writeFileSync(join(folder, "a.ts"), text);
    const point = findMutationPoints(folder).get("here");
    expect(point).toBeDefined();
    return mutate(text, point as MutationPoint, change);
  }

  test.each<[string, string, Change, string]>([
    ["a statement", "// mutation: here\nf();\ng();\n", { kind: "instead", code: "" }, "// mutation: here\n\ng();\n"],
    [
      "the condition of a statement with a block",
      "// mutation: here\nif (a && (b || c)) {\n  f();\n}\n",
      { kind: "never" },
      "// mutation: here\nif (false) {\n  f();\n}\n",
    ],
    [
      "an argument, below other comments",
      "f(\n  // mutation: here\n  // mutation: other\n  // Why.\n  (x) => x + 1,\n  2,\n);\n",
      { kind: "replace", pattern: /\+ 1/, by: "- 1" },
      "f(\n  // mutation: here\n  // mutation: other\n  // Why.\n  (x) => x - 1,\n  2,\n);\n",
    ],
  ])("changes %s", (_, text, change, expected) => {
    expect(mutated(text, change)).toBe(expected);
  });

  test.each<[string, string, Change]>([
    ["a pattern that matches only elsewhere", "// mutation: here\nf();\ng();\n", replace(/g/)],
    ["a pattern that matches twice", "// mutation: here\nf(f);\n", replace(/f/)],
    ["the condition of what is no `if`", "// mutation: here\nf();\n", { kind: "always" }],
    ["no statement", "f();\n// mutation: here\n", { kind: "instead", code: "" }],
  ])("refuses %s", (_, text, change) => {
    expect(() => mutated(text, change)).toThrow("here");
  });

  test("is refused if its name is used twice", () => {
    expect(() => mutated("// mutation: here\nf();\n// mutation: here\ng();\n", { kind: "instead", code: "" })).toThrow(
      "a.ts",
    );
  });

  function replace(pattern: RegExp): Change {
    return { kind: "replace", pattern, by: "h" };
  }
});
