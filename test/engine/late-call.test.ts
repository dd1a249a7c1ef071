import { expect, test } from "vitest";
import { initialState } from "../../runtime/core/state.js";
import { type Drive, react } from "../../runtime/engine/driver.js";
import { createRun } from "../../runtime/engine/run.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { until } from "../support/until.js";
import { hastyClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createUpstreamStub, failing, ok } from "./support/upstream-stub.js";

/** A process that has a call of a saga under way, and goes on from what another made of the saga in the meantime: it took the saga up anew. */
async function takenUpMeanwhile(path: string) {
  const facade = facadeOf({ steps: { a: {}, b: {} }, recovery: "carry-on" });
  const upstreams = createUpstreamStub();
  upstreams.always("/b", failing("FAILED_PRECONDITION"));
  const journal = { create: async () => [], append: async () => [] } as unknown as Journal;
  const nothing = () => {};
  const drive = {
    journal,
    upstreams,
    broker: { publish: nothing, slots: { claim: () => nothing } },
    clock: hastyClock,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    completion: nothing,
    moved: nothing,
    ended: nothing,
    rested: nothing,
    abandoned(_: unknown, error: unknown) {
      throw error;
    },
  } as unknown as Drive;
  const run = createRun(facade, "s", new Uint8Array(), initialState(facade), 0);
  const held = upstreams.hold(path);
  react(drive, run, { kind: "started", deadlineAtMs: undefined, traceparent: "trace" });
  await held.arrived;
  react(drive, run, { kind: "recovered" });
  await until(() => run.timers.size === 0 && !run.writing); // The next attempt is due.
  return { run, held, calls: () => upstreams.callsOf(path).length };
}

const paths = ["/a", "/a/undo"];
const outcomes = { success: ok({ from: "late" }), failure: failing("UNAVAILABLE") };

test.each(paths.flatMap((path) => Object.entries(outcomes).map(([name, outcome]) => ({ path, name, outcome }))))(
  "A call of $path is not made again while the one before is under way in the same process, which then ends in $name",
  async ({ path, outcome }) => {
    const { run, held, calls } = await takenUpMeanwhile(path);
    expect(calls()).toBe(1);
    held.answer(outcome);
    await until(() => run.state.phase === "compensated");
    expect(calls()).toBe(2);
  },
);
