import { expect, test } from "vitest";
import { initialState } from "../../runtime/core/state.js";
import { createAdmission } from "../../runtime/engine/admission.js";
import type { Drive } from "../../runtime/engine/driver.js";
import { createOperator } from "../../runtime/engine/operator.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { createRun } from "../../runtime/engine/run.js";
import { createRuns } from "../../runtime/engine/runs.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { hastyClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";

// Found by the simulator, seed 1200018097: the operator waited for ever.
test.each(["skip", "retry"] as const)(
  "%s waits where what another server made of the saga is just being read",
  async (what) => {
    const facade = facadeOf({ steps: { a: {} } });
    const stored: number[] = [];
    const journal = {
      append: async ({ seq }: { seq: number }) => {
        stored.push(seq);
        return [];
      },
    } as unknown as Journal;
    const nothing = () => {};
    const drive = {
      journal,
      clock: hastyClock,
      broker: { publish: nothing, slots: { claim: () => nothing } },
      upstreams: { call: () => new Promise(nothing) },
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      completion: nothing,
      moved: nothing,
      ended: nothing,
      rested: nothing,
    } as unknown as Drive;
    const runs = createRuns(createAdmission({ async: 10, throttled: 10 }, journal, systemClock));
    const [idle] = initialState(facade).steps;
    const stuck = { ...initialState(facade), phase: "stuck", steps: [{ ...idle, status: "unknown", undo: "stuck" }] };
    const run = createRun(facade, "s", new Uint8Array(), stuck as ReturnType<typeof initialState>, 3);
    runs.add(run);
    let read = () => {};
    const done = new Promise<void>((resolve) => {
      read = resolve;
    });
    run.rebasing = { events: [], done };
    const operator = createOperator({ drive, journal, byName: new Map([[facade.name, facade]]), runs });
    const acted = operator[what]({ sagaId: "s", step: "a", who: "ann", why: "it was down" });
    await new Promise(setImmediate);
    run.seq = 5; // What the journal turned out to hold.
    run.rebasing = undefined;
    read();
    await acted;
    expect(stored[0]).toBe(5);
  },
);
