import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stubsPlaceProblem } from "../../generator/stubs-place.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("a first run in a project's folder needs no stubs", () => {
  const cwd = scope.tempDir();
  writeFileSync(join(cwd, "buf.yaml"), "version: v2\n");
  expect(stubsPlaceProblem(cwd, "generated/node")).toBeUndefined();
});

test("a folder that is not named node is rejected: stubs would be written to another folder", () => {
  const cwd = scope.tempDir();
  mkdirSync(join(cwd, "generated/nodes"), { recursive: true });
  expect(stubsPlaceProblem(cwd, "generated/nodes")).toContain("must be the folder `node`");
});

test("a run from another folder is rejected: it would not find the user's stubs", () => {
  const cwd = scope.tempDir();
  expect(stubsPlaceProblem(cwd, "generated/node")).toContain("run buf generate in the folder of buf.gen.yaml");
});

test("stubs that are missing from existing output are not written again", () => {
  const cwd = scope.tempDir();
  writeFileSync(join(cwd, "buf.yaml"), "version: v2\n");
  mkdirSync(join(cwd, "generated/facade"), { recursive: true });
  expect(stubsPlaceProblem(cwd, "generated/node")).toContain("other output next to it does");
});
