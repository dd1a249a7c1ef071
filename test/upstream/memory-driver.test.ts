import fc from "fast-check";
import { createBarrier, memoryDriver } from "protosaga/upstream";
import { describe, test } from "vitest";
import { describeBarrier } from "./conformance.js";
import { describeDeliveries } from "./property.js";
import { createCaller } from "./support/caller.js";
import { anyDeliveries, checkBooks, deliver } from "./support/deliveries.js";
import { type Effect, memoryPlace } from "./support/place.js";

describe("the barrier in memory", () => {
  describeBarrier(memoryPlace());
  describeDeliveries(memoryPlace(), 300);

  test("random orders of operations with a crash at any of them: each action takes effect once or is compensated", async () => {
    await fc.assert(
      fc.asyncProperty(anyDeliveries, fc.scheduler(), fc.option(fc.nat(80)), async (batches, scheduler, crashAt) => {
        const effects: Effect[] = [];
        let steps = 0;
        // After the crash the process runs again, and answers later calls.
        let crash = () => {};
        const newLife = () => new Promise<void>((resolve) => (crash = resolve));
        let lost = newLife();
        const driver = memoryDriver({
          async step(what) {
            if (steps++ === crashAt) {
              driver.crash();
              crash();
              lost = newLife();
            }
            await scheduler.schedule(Promise.resolve(), what);
          },
        });
        const barrier = createBarrier(driver);
        const note = (tx: { onCommit(change: () => void): void }, effect: Effect) =>
          tx.onCommit(() => effects.push(effect));
        const caller = createCaller({ barrier, note });
        // The scheduler orders the steps; the handlers' own waits would only take time.
        const quick = batches.map((batch) => batch.map((each) => ({ ...each, delayMs: 0 })));
        const running = deliver(quick, caller, (saga) => `${saga}/s`, { sync: false, lost: () => lost });
        checkBooks(await scheduler.waitFor(running), effects);
      }),
      { numRuns: 1000 },
    );
  });
});
