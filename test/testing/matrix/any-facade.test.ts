import fc from "fast-check";
import { expect, test } from "vitest";
import { faultMatrix } from "../../../runtime/testing/matrix/matrix.js";
import { anyFacade } from "./any-facade.js";

test("on any facade the engine comes to what the rules say, whatever the fault", { timeout: 300_000 }, async () => {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(anyFacade, async (facade) => {
      for (const { run, doesNotApply } of faultMatrix({ facade })) {
        await run();
        played += doesNotApply === undefined ? 1 : 0;
      }
    }),
    { numRuns: 40 },
  );
  expect(played).toBeGreaterThan(1_000);
});
