import { describe, test } from "vitest";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import { describeFaultMatrix } from "../../../runtime/testing/matrix/describe.js";
import { type FacadeSpec, facadeOf, quick } from "../../engine/support/facade.js";

// Whatever the policy says: the generator allows it no more than one attempt.
const once = { idempotent: false };

function named(name: string, steps: FacadeSpec["steps"], more: Omit<FacadeSpec, "steps" | "name"> = {}) {
  return facadeOf({ name: `shop.${name}/Run`, steps, ...more });
}

const pivoted: FacadeSpec["steps"] = {
  reserve: {},
  capture: { kind: "pivot" },
  notify: { kind: "retriable", group: 2 },
  print: { kind: "retriable", group: 2 },
};

/** Every structure that a facade can have. */
const structures: readonly FacadeDefinition[] = [
  named("OneStep", { reserve: {} }),
  named("Sequential", { reserve: {}, charge: {}, ship: {} }),
  named("Parallel", {
    reserve: { group: 0 },
    hold: { group: 0 },
    quote: { kind: "read", group: 0 },
    ship: { group: 1 },
  }),
  named("ParallelLast", { reserve: {}, charge: { group: 1 }, ship: { group: 1 } }),
  named("Reads", { look: { kind: "read" }, reserve: {}, check: { kind: "read" } }),
  named("Pivot", pivoted),
  named("NotRepeatable", { reserve: once, charge: once, ship: { kind: "read", ...once } }),
  named("UndoneOnFailure", { reserve: { compensateOnFailure: true }, charge: { compensateOnFailure: true } }),
  named("OneUndo", { reserve: { undo: { retry: { ...quick, maxAttempts: 1 } } }, charge: {} }),
  named("ManyUndos", { reserve: { undo: { retry: { ...quick, maxAttempts: 100, maxBackoffMs: 60_000 } } } }),
  named("CarriedOn", { reserve: {}, charge: once, ship: {} }, { recovery: "carry-on" }),
  named("Async", { reserve: {}, charge: {}, ship: {} }, { mode: "async", recovery: "carry-on" }),
  named("AsyncNotRepeatable", { reserve: once, charge: once }, { mode: "async", recovery: "carry-on" }),
  named("AsyncRolledBack", { reserve: {}, charge: {} }, { mode: "async" }),
  named("AsyncPivot", pivoted, { mode: "async", recovery: "carry-on" }),
  named("Throttled", { reserve: { group: 0 }, hold: { group: 0 }, ship: { group: 1 } }, { mode: "throttled" }),
  named("ThrottledPivot", pivoted, { mode: "throttled", recovery: "carry-on" }),
  named("Short", { reserve: { timeoutMs: 1 }, charge: { timeoutMs: 1 } }, { deadlineMs: 5 }),
];

for (const facade of structures) {
  describeFaultMatrix({ describe, test, facade });
}
