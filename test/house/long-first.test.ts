import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";
import { longFiles, wideFiles } from "../support/long-first.js";

test("the test files that are to run first or last are there", () => {
  expect([...longFiles, ...wideFiles].filter((path) => !existsSync(join(repository, path)))).toEqual([]);
});
