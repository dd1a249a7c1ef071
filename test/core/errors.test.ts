import { describe, expect, test } from "vitest";
import {
  errorCatalogue,
  isRollback,
  isSagaError,
  Rollback,
  SagaError,
  type SagaErrorCode,
} from "../../runtime/core/errors.js";

const codes = Object.keys(errorCatalogue) as SagaErrorCode[];

describe("a SagaError", () => {
  test.each(codes)("%s has its code first in its message, and the status of its catalogue", (code) => {
    const cause = new Error("why");
    const error = new SagaError(code, "what", { cause });
    expect(error).toMatchObject({ name: "SagaError", code, message: `${code}: what`, plain: "what", cause });
    expect(error).toMatchObject(errorCatalogue[code]);
    expect(isSagaError(error)).toBe(true);
  });

  test("of another copy of the package is recognized by its name", () => {
    class Foreign extends Error {
      override readonly name = "SagaError";
      readonly code = "SAGA_MESSAGE_POISON";
    }
    const foreign: unknown = new Foreign("foreign");
    expect(foreign instanceof SagaError).toBe(false);
    expect(isSagaError(foreign)).toBe(true);
  });

  test.each([
    ["another error", new Error("no")],
    ["a system error", Object.assign(new Error("no"), { code: "ENOENT" })],
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
  ] as const)("of %s has status %i", (status, code) => {
    const error = new Rollback(status, "sold out", { cause: 1 });
    expect(error).toMatchObject({ name: "Rollback", status: code, message: "sold out", cause: 1 });
    expect(isRollback(error)).toBe(true);
    expect(isSagaError(error)).toBe(false);
  });

  test("of another copy of the package is recognized by its name", () => {
    class Foreign extends Error {
      override readonly name = "Rollback";
      readonly status = 9;
    }
    expect(isRollback(new Foreign())).toBe(true);
    expect(isRollback(new Error("Rollback"))).toBe(false);
    expect(isRollback(new SagaError("SAGA_NOT_FOUND", "no"))).toBe(false);
  });
});
