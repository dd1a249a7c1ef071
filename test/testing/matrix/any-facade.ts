import fc from "fast-check";
import { expect } from "vitest";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import { faultMatrix } from "../../../runtime/testing/matrix/matrix.js";
import { facadeOf, quick, type StepSpec } from "../../engine/support/facade.js";

const attempts = fc.integer({ min: 1, max: 4 }).map((maxAttempts) => ({ ...quick, maxAttempts }));

function step(group: number, kind: "read" | "compensatable" | "pivot" | "retriable"): fc.Arbitrary<StepSpec> {
  return fc
    .record({ retry: attempts, undo: attempts, repeats: fc.boolean(), eager: fc.boolean(), slow: fc.nat({ max: 2 }) })
    .map(({ retry, undo, repeats, eager, slow }) => ({
      group,
      kind,
      // What the generator makes sure of.
      idempotent: repeats || kind === "pivot" || kind === "retriable",
      retry,
      compensateOnFailure: eager && kind === "compensatable",
      undo: { retry: undo },
      node: slowly(slow),
    }));
}

/** Nodes that answer at once, after some turns of the microtask queue, or after real time. */
function slowly(kind: number): NonNullable<StepSpec["node"]> {
  if (kind === 0) {
    return {};
  }
  const wait = () => (kind === 1 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
  return {
    request: async ({ request, results }) => {
      await wait();
      return { request, results };
    },
    compensate: async ({ sent }) => {
      await wait();
      return { sent };
    },
  };
}

/** Any facade that the generator accepts: groups before the pivot, perhaps a pivot, then retriable steps. */
const anyFacade: fc.Arbitrary<FacadeDefinition> = fc
  .record({
    before: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    reads: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
    after: fc.option(fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }), { nil: undefined }),
    mode: fc.constantFrom("sync" as const, "async" as const, "throttled" as const),
    recovery: fc.constantFrom("roll-back" as const, "carry-on" as const),
    deadlineMs: fc.constantFrom(undefined, 50),
  })
  .chain(({ before, reads, after, mode, recovery, deadlineMs }) => {
    const steps: fc.Arbitrary<StepSpec>[] = [];
    before.forEach((size, group) => {
      for (let n = 0; n < size; n++) {
        steps.push(step(group, reads[steps.length] ? "read" : "compensatable"));
      }
    });
    if (after !== undefined) {
      steps.push(step(before.length, "pivot"));
      after.forEach((size, at) => {
        for (let n = 0; n < size; n++) {
          steps.push(step(before.length + 1 + at, "retriable"));
        }
      });
    }
    return fc.tuple(...steps).map((drawn) =>
      facadeOf({
        mode,
        recovery,
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
        steps: Object.fromEntries(drawn.map((spec, at) => [`step${at}`, spec])),
      }),
    );
  });

/** Plays the fault matrix of so many random facades: with any fault, the engine must come to what the rules say. */
export async function playAnyFacade(facades: number): Promise<void> {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(anyFacade, async (facade) => {
      for (const { run, doesNotApply } of faultMatrix({ facade })) {
        await run();
        played += doesNotApply === undefined ? 1 : 0;
      }
    }),
    { numRuns: facades },
  );
  expect(played).toBeGreaterThan(25 * facades);
}
