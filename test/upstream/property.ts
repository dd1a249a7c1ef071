import fc from "fast-check";
import { test } from "vitest";
import { createScope } from "../support/scope.js";
import { createCaller } from "./support/caller.js";
import { anyDeliveries, checkBooks, deliver } from "./support/deliveries.js";
import type { OpenPlace } from "./support/place.js";

/** Random calls in random order: each action takes effect exactly once or is compensated. */
export function describeDeliveries<Tx>(openPlace: OpenPlace<Tx>, numRuns: number): void {
  const scope = createScope();

  test("random calls in random order: each action takes effect once or is compensated, and each key has one answer", async () => {
    const place = await openPlace(scope);
    const caller = createCaller(place);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anyDeliveries, async (batches) => {
        const sagas = ++run;
        const answers = await deliver(batches, caller, (saga) => `${sagas}/${saga}/s`, { sync: place.driver.sync });
        checkBooks(answers, await place.effects());
      }),
      { numRuns },
    );
  });
}
