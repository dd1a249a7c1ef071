import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generatorCodes } from "../../generator/check/codes.js";
import {
  errorCatalogue,
  isRollback,
  isSagaError,
  Rollback,
  SagaError,
  type SagaErrorCode,
} from "../../runtime/core/errors.js";
import { Status, statusName } from "../../runtime/core/status.js";
import { repository } from "../support/compiled/program.js";

const runtimeCodes = Object.keys(errorCatalogue) as SagaErrorCode[];
const codes = [...runtimeCodes, ...Object.keys(generatorCodes)];

/** The rows of the manual's tables by their code, each as its cells. */
function manual(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(join(repository, "docs/reference/errors.md"), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| `")).map((line) => line.split("|").map((cell) => cell.trim()));
  return new Map(rows.map(([, code = "", ...cells]) => [code.replaceAll("`", ""), cells]));
}

describe("the manual of errors", () => {
  test.each(codes)("has `%s`, with a meaning and something to do", (code) => {
    const [, meaning, remedy] = manual().get(code) ?? [];
    expect(meaning).toMatch(/\w{2}/);
    expect(remedy).toMatch(/\w{2}/);
  });

  test("has no code that there is not", () => {
    expect(codes).toEqual(expect.arrayContaining([...manual().keys()]));
  });

  test.each(runtimeCodes)("tells the status of %s", (code) => {
    expect(manual().get(code)?.[0]).toBe(statusName(errorCatalogue[code].status));
  });

  test.each(Object.entries(generatorCodes))("tells the severity of %s", (code, { severity }) => {
    expect(manual().get(code)?.[0]).toBe(severity);
  });
});

describe("the catalogues", () => {
  test("share no code", () => {
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("name codes in one way", () => {
    for (const code of codes) {
      expect(code).toMatch(/^SAGA(_[A-Z]+)+$/);
    }
  });

  test.each([
    ["runtime", runtimeCodes],
    ["generator", Object.keys(generatorCodes)],
  ] as const)("hold every code that the %s's sources name", (room, known: readonly string[]) => {
    const named = sources(room).flatMap((text) =>
      [...text.matchAll(/"(SAGA_[A-Z_]*[A-Z])"/g)].map(([, code = ""]) => code),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(known).toEqual(expect.arrayContaining(named));
  });

  // An action that its compensation overtook is ABORTED although no repeat mends it: its saga is on its way back.
  const others: readonly SagaErrorCode[] = ["SAGA_INTERRUPTED", "SAGA_ACTION_BLOCKED"];

  test("say a status that is an error, and one that stands for later of just those that a repeat may mend, with two exceptions", () => {
    const valid: number[] = Object.values(Status).filter((status) => status !== Status.OK);
    for (const code of runtimeCodes) {
      const { status, retriable } = errorCatalogue[code];
      expect(valid).toContain(status);
      const later = ([Status.UNAVAILABLE, Status.RESOURCE_EXHAUSTED, Status.ABORTED] as number[]).includes(status);
      expect(later, code).toBe(retriable || others.includes(code));
    }
  });
});

describe("a SagaError", () => {
  test.each(runtimeCodes)("%s says its code first, and knows its status and whether a repeat may help", (code) => {
    const cause = new Error("why");
    const error = new SagaError(code, "what", { cause });
    expect(error).toMatchObject({ name: "SagaError", code, message: `${code}: what`, plain: "what", cause });
    expect(error).toMatchObject(errorCatalogue[code]);
    expect(isSagaError(error)).toBe(true);
  });

  test("is known by its name: another copy of the package has another class", () => {
    class Foreign extends Error {
      override readonly name = "SagaError";
      readonly code = "SAGA_MESSAGE_POISON";
    }
    const foreign: unknown = new Foreign("from afar");
    expect(foreign instanceof SagaError).toBe(false);
    expect(isSagaError(foreign)).toBe(true);
  });

  test.each([
    ["another error", new Error("no")],
    ["an error of the system", Object.assign(new Error("no"), { code: "ENOENT" })],
    ["an error that only has the name", Object.assign(new Error("no"), { name: "SagaError" })],
    ["no error", { name: "SagaError", code: "SAGA_NOT_FOUND" }],
    ["a text", "SagaError"],
    ["nothing", undefined],
    ["null", null],
  ])("is not %s", (_, value) => {
    expect(isSagaError(value)).toBe(false);
  });
});

describe("a Rollback", () => {
  test.each([
    ["FAILED_PRECONDITION", 9],
    [9, 9],
    ["OK", 2],
    [0, 2],
  ] as const)("of %s bears status %i", (status, code) => {
    const error = new Rollback(status, "sold out", { cause: 1 });
    expect(error).toMatchObject({ name: "Rollback", status: code, message: "sold out", cause: 1 });
    expect(isRollback(error)).toBe(true);
    expect(isSagaError(error)).toBe(false);
  });

  test("is known by its name, too", () => {
    class Foreign extends Error {
      override readonly name = "Rollback";
      readonly status = 9;
    }
    expect(isRollback(new Foreign())).toBe(true);
    expect(isRollback(new Error("Rollback"))).toBe(false);
    expect(isRollback(new SagaError("SAGA_NOT_FOUND", "no"))).toBe(false);
  });
});

function sources(room: string): string[] {
  return readdirSync(join(repository, room), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(join(repository, room, path), "utf8"));
}
