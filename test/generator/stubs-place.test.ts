import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stubsPlaceProblem } from "../../generator/stubs-place.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("a first run in a project's own folder finds no stubs, and that is well", () => {
  const cwd = scope.tempDir();
  writeFileSync(join(cwd, "buf.yaml"), "version: v2\n");
  expect(stubsPlaceProblem(cwd, "generated/node")).toBeUndefined();
});

test("a folder that is not called node is refused: stubs would be written elsewhere than they are looked for", () => {
  const cwd = scope.tempDir();
  mkdirSync(join(cwd, "generated/nodes"), { recursive: true });
  expect(stubsPlaceProblem(cwd, "generated/nodes")).toContain("must be the folder `node`");
});

test("a run from another folder is refused: the user's stubs lie where it does not look", () => {
  const cwd = scope.tempDir();
  expect(stubsPlaceProblem(cwd, "generated/node")).toContain("run buf generate where buf.gen.yaml lies");
});

test("stubs that are gone while the rest of the output is there are not written anew", () => {
  const cwd = scope.tempDir();
  writeFileSync(join(cwd, "buf.yaml"), "version: v2\n");
  mkdirSync(join(cwd, "generated/facade"), { recursive: true });
  expect(stubsPlaceProblem(cwd, "generated/node")).toContain("other output beside it is");
});
