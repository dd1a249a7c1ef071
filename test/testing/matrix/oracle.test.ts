import { describe, expect, test } from "vitest";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import { answerText } from "../../../runtime/testing/matrix/compare.js";
import type { Chain, Expected } from "../../../runtime/testing/matrix/expected.js";
import { doesNotApply, type Fault, faults } from "../../../runtime/testing/matrix/fault.js";
import { expectedOf, expectedWithoutFault } from "../../../runtime/testing/matrix/oracle.js";
import { type FacadeSpec, facadeOf, quick } from "../../engine/support/facade.js";

/** "a, b|c, -b×2 = STUCK left a, b; OK": stages, parallel ones with a bar, compensations with a minus. */
function inShort({ stages, state, left, answer }: Expected): string {
  const chain = (calls: Chain) => {
    const [first] = calls;
    const name = first?.key.endsWith("/compensate") ? `-${first.key.replace("/compensate", "")}` : first?.key;
    return calls.length === 1 ? name : `${name}×${calls.length}`;
  };
  const calls = stages.map((stage) => stage.map(chain).join("|")).join(", ");
  return `${calls} = ${state}${left.length > 0 ? ` left ${left.join(", ")}` : ""}; ${answerText(answer)}`;
}

function rowsOf(facade: FacadeDefinition, name: string): Record<string, string> {
  const step = facade.steps.find((candidate) => candidate.name === name);
  if (step === undefined) {
    throw new Error(`no step ${name}`);
  }
  const row = (fault: Fault) => doesNotApply(step, fault) ?? inShort(expectedOf(facade, step, fault));
  return Object.fromEntries(faults.map((fault) => [fault, row(fault)]));
}

const interrupted = "UNAVAILABLE SAGA_INTERRUPTED";
const failed = (status: string, step: string) => `${status} SAGA_STEP_FAILED of ${step}`;

/** The manual's tables, written down by hand. */
const tables: readonly (readonly [string, FacadeSpec, string, Record<Fault, string>])[] = [
  [
    "the second of three steps of a sync facade",
    { steps: { a: {}, b: {}, c: {} } },
    "b",
    {
      "business error": `a, b, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "b")}`,
      "transient then ok": "a, b×2, c = COMPLETED left a, b, c; OK",
      "transient for good": `a, b×3, -b, -a = COMPENSATED; ${failed("UNAVAILABLE", "b")}`,
      "timeout before effect": "a, b×2, c = COMPLETED left a, b, c; OK",
      "timeout after effect": "a, b×2, c = COMPLETED left a, b, c; OK",
      "crash before the call": `a, -b, -a = COMPENSATED; ${interrupted}`,
      "crash after the call": `a, b, -b, -a = COMPENSATED; ${interrupted}`,
      "crash after the journal write": `a, b, -b, -a = COMPENSATED; ${interrupted}`,
      "compensation fails once": `a, b, c, -b×2, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "c")}`,
      "compensation fails for good": `a, b, c, -b×3 = STUCK left a, b; ${failed("FAILED_PRECONDITION", "c")}`,
      "duplicate delivery": "a, b, c = COMPLETED left a, b, c; OK",
      "late arrival": `a, b×3, -b, -a = COMPENSATED; ${failed("DEADLINE_EXCEEDED", "b")}`,
    },
  ],
  [
    "one that may not be repeated, of an async facade",
    {
      mode: "async",
      recovery: "carry-on",
      steps: { a: {}, b: { idempotent: false, retry: { ...quick, maxAttempts: 1 } }, c: {} },
    },
    "b",
    {
      "business error": "a, b, -a = COMPENSATED; OK",
      "transient then ok": "a, b, -b, -a = COMPENSATED; OK",
      "transient for good": "a, b, -b, -a = COMPENSATED; OK",
      "timeout before effect": "a, b, -b, -a = COMPENSATED; OK",
      "timeout after effect": "a, b, -b, -a = COMPENSATED; OK",
      "crash before the call": "a, -b, -a = COMPENSATED; OK",
      "crash after the call": "a, b, -b, -a = COMPENSATED; OK",
      "crash after the journal write": "a, b, c = COMPLETED left a, b, c; OK",
      "compensation fails once": "a, b, c, -b×2, -a = COMPENSATED; OK",
      "compensation fails for good": "a, b, c, -b×3 = STUCK left a, b; OK",
      "duplicate delivery": "a, b, c = COMPLETED left a, b, c; OK",
      "late arrival": "a, b, -b, -a = COMPENSATED; OK",
    },
  ],
  [
    "one of a parallel group that is the last",
    { steps: { a: { group: 0 }, b: { group: 0 }, look: { kind: "read", group: 0 } } },
    "b",
    {
      "business error": `a|b|look, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "b")}`,
      "transient then ok": "a|b×2|look = COMPLETED left a, b; OK",
      "transient for good": `a|b×3|look, -a|-b = COMPENSATED; ${failed("UNAVAILABLE", "b")}`,
      "timeout before effect": "a|b×2|look = COMPLETED left a, b; OK",
      "timeout after effect": "a|b×2|look = COMPLETED left a, b; OK",
      "crash before the call": `a|look, -a|-b = COMPENSATED; ${interrupted}`,
      "crash after the call": `a|b|look, -a|-b = COMPENSATED; ${interrupted}`,
      "crash after the journal write": `a|b|look, -a|-b = COMPENSATED; ${interrupted}`,
      "compensation fails once": `a|b×3|look, -a|-b×2 = COMPENSATED; ${failed("DEADLINE_EXCEEDED", "b")}`,
      "compensation fails for good": `a|b×3|look, -a|-b×3 = STUCK left b; ${failed("DEADLINE_EXCEEDED", "b")}`,
      "duplicate delivery": "a|b|look = COMPLETED left a, b; OK",
      "late arrival": `a|b×3|look, -a|-b = COMPENSATED; ${failed("DEADLINE_EXCEEDED", "b")}`,
    },
  ],
  [
    "a pivot",
    { steps: { a: {}, p: { kind: "pivot" }, z: { kind: "retriable" } } },
    "p",
    {
      "business error": `a, p, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "p")}`,
      "transient then ok": "a, p×2, z = COMPLETED left a, p, z; OK",
      "transient for good": "a, p×5, z = COMPLETED left a, p, z; OK",
      "timeout before effect": "a, p×2, z = COMPLETED left a, p, z; OK",
      "timeout after effect": "a, p×2, z = COMPLETED left a, p, z; OK",
      "crash before the call": "a, p, z = COMPLETED left a, p, z; OK",
      "crash after the call": "a, p×2, z = COMPLETED left a, p, z; OK",
      "crash after the journal write": "a, p, z = COMPLETED left a, p, z; OK",
      "compensation fails once": "a pivot is never compensated",
      "compensation fails for good": "a pivot is never compensated",
      "duplicate delivery": "a, p, z = COMPLETED left a, p, z; OK",
      "late arrival": "a pivot is never compensated, so no request can come after its compensation",
    },
  ],
  [
    "a step past the pivot",
    { steps: { a: {}, p: { kind: "pivot" }, z: { kind: "retriable" } } },
    "z",
    {
      "business error": "a, p, z×5 = COMPLETED left a, p, z; OK",
      "transient then ok": "a, p, z×2 = COMPLETED left a, p, z; OK",
      "transient for good": "a, p, z×5 = COMPLETED left a, p, z; OK",
      "timeout before effect": "a, p, z×2 = COMPLETED left a, p, z; OK",
      "timeout after effect": "a, p, z×2 = COMPLETED left a, p, z; OK",
      "crash before the call": "a, p, z = COMPLETED left a, p, z; OK",
      "crash after the call": "a, p, z×2 = COMPLETED left a, p, z; OK",
      "crash after the journal write": "a, p, z = COMPLETED left a, p, z; OK",
      "compensation fails once": "past the pivot nothing is compensated",
      "compensation fails for good": "past the pivot nothing is compensated",
      "duplicate delivery": "a, p, z = COMPLETED left a, p, z; OK",
      "late arrival": "past the pivot nothing is compensated, so no request can come after its compensation",
    },
  ],
  [
    "a read",
    { steps: { a: {}, look: { kind: "read" }, c: {} } },
    "look",
    {
      "business error": `a, look, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "look")}`,
      "transient then ok": "a, look×2, c = COMPLETED left a, c; OK",
      "transient for good": `a, look×3, -a = COMPENSATED; ${failed("UNAVAILABLE", "look")}`,
      "timeout before effect": "a, look×2, c = COMPLETED left a, c; OK",
      "timeout after effect": "a, look×2, c = COMPLETED left a, c; OK",
      "crash before the call": `a, -a = COMPENSATED; ${interrupted}`,
      "crash after the call": `a, look, -a = COMPENSATED; ${interrupted}`,
      "crash after the journal write": `a, look, -a = COMPENSATED; ${interrupted}`,
      "compensation fails once": "a step without an effect has nothing to undo",
      "compensation fails for good": "a step without an effect has nothing to undo",
      "duplicate delivery": "a, look, c = COMPLETED left a, c; OK",
      "late arrival": "a step without an effect has nothing to undo, so no request can come after its compensation",
    },
  ],
];

describe("what must come of each fault", () => {
  test.each(tables)("to %s", (_, spec, step, expected) => {
    expect(rowsOf(facadeOf(spec), step)).toEqual(expected);
  });

  test("a step that is to be undone where it was refused is", () => {
    const facade = facadeOf({ steps: { a: {}, b: { compensateOnFailure: true } } });
    expect(rowsOf(facade, "b")["business error"]).toBe(
      `a, b, -b, -a = COMPENSATED; ${failed("FAILED_PRECONDITION", "b")}`,
    );
  });

  test("where one failure is all that a compensation is allowed, it is stuck after that", () => {
    const undo = { retry: { ...quick, maxAttempts: 1 } };
    const facade = facadeOf({ steps: { a: { undo }, b: {} } });
    expect(rowsOf(facade, "a")["compensation fails once"]).toBe(
      `a, b, -a = STUCK left a; ${failed("FAILED_PRECONDITION", "b")}`,
    );
  });

  test("a saga that is carried on calls again what it may, and goes on", () => {
    const facade = facadeOf({ recovery: "carry-on", steps: { a: {}, b: {} } });
    expect(rowsOf(facade, "a")).toMatchObject({
      "crash before the call": "a, b = COMPLETED left a, b; OK",
      "crash after the call": "a×2, b = COMPLETED left a, b; OK",
      "crash after the journal write": "a, b = COMPLETED left a, b; OK",
    });
  });

  test("without a fault each step is called once", () => {
    const facade = facadeOf({ steps: { a: { group: 0 }, b: { group: 0 }, c: { group: 1 } } });
    expect(inShort(expectedWithoutFault(facade))).toBe("a|b, c = COMPLETED left a, b, c; OK");
  });
});
