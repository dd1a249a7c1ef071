import { expect, test } from "vitest";
import { initialState } from "../../runtime/core/state.js";
import { createAdmission } from "../../runtime/engine/admission.js";
import { carryOut } from "../../runtime/engine/carry-out.js";
import { createChanges } from "../../runtime/engine/changes.js";
import type { Drive } from "../../runtime/engine/driver.js";
import { createElsewhere } from "../../runtime/engine/elsewhere.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { createRun } from "../../runtime/engine/run.js";
import { createRuns } from "../../runtime/engine/runs.js";
import { hold, rollback } from "../../runtime/engine/ticket.js";
import { createTimers } from "../../runtime/engine/timers.js";
import { createWaiters } from "../../runtime/engine/waiters.js";
import type { Journal, StoredSaga } from "../../runtime/journal/journal.js";
import { until } from "../support/until.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";

const facade = facadeOf({ steps: { a: {} } });

/** A process that holds a saga's place on its rollback topic, and believes that the journal has two entries of it. */
function place() {
  const clock = createManualClock();
  const watched = new Map<string, () => void>();
  const reads: (() => Promise<StoredSaga>)[] = [];
  const journal = {
    shared: true,
    leaseMs: 15_000,
    watch(sagaId: string, changed: () => void) {
      watched.set(sagaId, changed);
      return () => watched.delete(sagaId);
    },
    load: () => reads.shift()?.() ?? Promise.resolve({ records: [1, 2, 3] } as unknown as StoredSaga),
  } as unknown as Journal;
  const runs = createRuns(createAdmission({ async: 10, throttled: 10 }, journal, systemClock), {
    added: (added) => elsewhere.keep(added),
    forgotten: (forgotten) => elsewhere.forget(forgotten),
  });
  const waiters = createWaiters();
  const elsewhere = createElsewhere({
    journal,
    changes: createChanges(journal),
    runs,
    waiters,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    timers: createTimers(clock),
  });
  const run = createRun(facade, "s", new Uint8Array(), initialState(facade), 2);
  runs.add(run);
  const failures: unknown[] = [];
  hold(run, rollback, { since: 0, done() {}, failed: (error) => void failures.push(error) });
  return {
    clock,
    reads,
    run,
    runs,
    waiters,
    elsewhere,
    failures,
    heeds: () => [...watched.keys()],
    notice: (sagaId: string) => watched.get(sagaId)?.(),
  };
}

test("A saga that another server moved on while an entry of it was on its way here gives its place back", async () => {
  const { run, runs, elsewhere, failures, notice } = place();
  run.writing = true;
  notice("s");
  run.writing = false;
  elsewhere.release(run);
  await until(() => failures.length > 0);
  expect(failures).toEqual([expect.objectContaining({ code: "SAGA_JOURNAL_CONFLICT" })]);
  expect(runs.has("s")).toBe(false);
});

test("What this process remembers of sagas is watched", () => {
  const { run, runs, heeds } = place();
  expect(heeds()).toEqual(["s"]);
  runs.forget(run);
  expect(heeds()).toEqual([]);
});

test("A saga that another server moved on, and can't be read just now, is read later", async () => {
  const { clock, reads, failures, notice } = place();
  reads.push(() => Promise.reject(new Error("away")));
  notice("s");
  await until(() => clock.pending() > 0);
  clock.advance(1_000);
  await until(() => failures.length > 0);
  expect(failures).toHaveLength(1);
});

test("A saga that nobody has moved on keeps its place", async () => {
  const { reads, run, runs, elsewhere, failures, notice } = place();
  const known = Promise.resolve({ records: [1, 2] } as unknown as StoredSaga);
  let read = false;
  reads.push(() => {
    read = true;
    return known;
  });
  notice("s");
  await until(() => read);
  await known;
  elsewhere.release(run);
  expect(failures).toEqual([]);
  expect(runs.get("s")).toBe(run);
});

test("A saga whose wait was in vain is let go of: another server has perhaps moved it on", async () => {
  const { clock, run, runs, elsewhere, failures, notice } = place();
  const drive = { clock, rested: elsewhere.release } as unknown as Drive;
  carryOut(drive, run, { kind: "queue-step", step: 0, waitBoundMs: 10 });
  notice("s");
  expect(runs.get("s")).toBe(run);
  clock.advance(10);
  await until(() => failures.length > 0);
  expect(runs.has("s")).toBe(false);
});

test("Whoever waits is told also where the answer's entry arrived unnoticed, after it was given up", async () => {
  const { clock, reads, run, runs, waiters, elsewhere } = place();
  runs.forget(run);
  const answer = { ok: true, response: new Uint8Array() } as const;
  let told: unknown;
  waiters.wait("s").then((it) => {
    told = it;
  });
  elsewhere.follow("s");
  reads.push(async () => ({ answer }) as unknown as StoredSaga);
  await until(() => {
    clock.advance(15_000);
    return told !== undefined;
  });
  expect(told).toBe(answer);
});
