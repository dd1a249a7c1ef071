import { expect, test } from "vitest";
import { initialState } from "../../runtime/core/state.js";
import { createAdmission } from "../../runtime/engine/admission.js";
import type { Drive } from "../../runtime/engine/driver.js";
import { createHoles } from "../../runtime/engine/holes.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { createRebase } from "../../runtime/engine/rebase.js";
import { createRun, type Run } from "../../runtime/engine/run.js";
import { createRuns } from "../../runtime/engine/runs.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { encodeRecord } from "../../runtime/journal/record.js";
import { facadeOf } from "./support/facade.js";

// Found by the simulator, seed 1400014039: the entry that said that the deadline has passed was the one that was refused.
test.each([true, false])(
  "a saga that another server has moved on has its deadline watched still (watched before: %s)",
  async (before) => {
    const facade = facadeOf({ steps: { a: {} } });
    const started = { kind: "started", deadlineAtMs: 1, traceparent: "trace" } as const;
    const stored = {
      sagaId: "s",
      facade: facade.name,
      fingerprint: facade.fingerprint,
      phase: "open",
      request: new Uint8Array(),
      records: [encodeRecord(0, [{ event: started }])],
      answer: undefined,
    };
    const nothing = () => {};
    const journal = { load: async () => stored } as unknown as Journal;
    const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const drive = { journal, log, rebased: nothing } as unknown as Drive;
    const runs = createRuns(createAdmission({ async: 10, throttled: 10 }, journal, systemClock));
    const run = createRun(facade, "s", new Uint8Array(), initialState(facade), 1);
    run.cancelDeadline = before ? nothing : undefined;
    runs.add(run);
    const watched: Run[] = [];
    const watchDeadline = (known: Run) => void watched.push(known);
    const parts = { drive, journal, runs, holes: createHoles(), isStopped: () => false, watchDeadline };
    await createRebase(parts)(run, [{ kind: "deadline-passed" }]);
    expect(run.state).toMatchObject({ phase: "running", deadlineAtMs: 1 });
    expect(watched).toEqual(before ? [] : [run]);
  },
);
