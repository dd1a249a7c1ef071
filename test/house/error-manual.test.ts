import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generatorCodes } from "../../generator/check/codes.js";
import { errorCatalogue, type SagaErrorCode } from "../../runtime/core/errors.js";
import { Status, statusName } from "../../runtime/core/status.js";
import { repository } from "../support/compiled/program.js";

const runtimeCodes = Object.keys(errorCatalogue) as SagaErrorCode[];
const codes = [...runtimeCodes, ...Object.keys(generatorCodes)];

/** The rows of the manual's tables by their code, each as its cells. */
const manual = new Map(
  readFileSync(join(repository, "docs/reference/errors.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, code = "", ...cells]) => [code.replaceAll("`", ""), cells]),
);

describe("the manual of errors", () => {
  test.each(codes)("has %s, with a meaning and something to do", (code) => {
    const [, meaning, remedy] = manual.get(code) ?? [];
    expect(meaning).toMatch(/\w{2}/);
    expect(remedy).toMatch(/\w{2}/);
  });

  test("has no other codes", () => {
    expect(codes).toEqual(expect.arrayContaining([...manual.keys()]));
  });

  test.each(runtimeCodes)("has the status of %s", (code) => {
    expect(manual.get(code)?.[0]).toBe(statusName(errorCatalogue[code].status));
  });

  test.each(Object.entries(generatorCodes))("has the severity of %s", (code, { severity }) => {
    expect(manual.get(code)?.[0]).toBe(severity);
  });
});

describe("the catalogues", () => {
  test("have no code in common, and codes of one form", () => {
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) {
      expect(code).toMatch(/^SAGA(_[A-Z]+)+$/);
    }
  });

  // A repeat does not help an action that its compensation overtook: it is ABORTED, and its saga is being compensated.
  const others: readonly SagaErrorCode[] = ["SAGA_INTERRUPTED", "SAGA_ACTION_BLOCKED"];

  test.each(runtimeCodes)("give %s a status that clients retry only if a repeat may help", (code) => {
    const valid: number[] = Object.values(Status).filter((status) => status !== Status.OK);
    const later: number[] = [Status.UNAVAILABLE, Status.RESOURCE_EXHAUSTED, Status.ABORTED];
    const { status, retriable } = errorCatalogue[code];
    expect(valid).toContain(status);
    expect(later.includes(status)).toBe(retriable || others.includes(code));
  });
});
