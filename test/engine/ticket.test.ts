import { expect, test } from "vitest";
import { initialState, withStep } from "../../runtime/core/state.js";
import { createRun } from "../../runtime/engine/run.js";
import { failTickets, hold, settleTickets } from "../../runtime/engine/ticket.js";
import { facadeOf } from "./support/facade.js";

// Found by the simulator, seed 21014866: the place of the first was never given back, and its topic's key stood still.
test("a message that comes again before the journal knows that the first is done takes no place from it", () => {
  const facade = facadeOf({ mode: "async", steps: { order: {} } });
  const run = createRun(facade, "a", new Uint8Array(), initialState(facade), 3);
  const told: string[] = [];
  const ticket = (name: string, since: number) => ({
    since,
    done: () => void told.push(`${name} done`),
    failed: () => void told.push(`${name} failed`),
  });
  hold(run, 0, ticket("first", 3));
  hold(run, 0, ticket("again", 5));
  const done = withStep(run.state, 0, { status: "done" });
  settleTickets(run, done, 4);
  expect(told).toEqual([]);
  settleTickets(run, done, 5);
  expect(told).toEqual(["first done", "again done"]);
  hold(run, 0, ticket("third", 6));
  failTickets(run, new Error("the saga is put aside"));
  expect(told).toEqual(["first done", "again done", "third failed"]);
});
