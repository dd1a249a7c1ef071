import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import { initialState, type Phase } from "../../runtime/core/state.js";
import { transition } from "../../runtime/core/transition.js";
import { events, planOf, playing, retry, step } from "./saga.js";

const { called, succeeded, failed, notBuilt, undoCalled, undone, undoFailed, undoNotBuilt, retried, skipped } = events;
const { started, late, recovered, delivered, responded, notResponded } = events;

/** One step; its compensation is stuck after one attempt. */
const plan = planOf([step(0, "compensatable", { compensation: { retry: { ...retry, maxAttempts: 1 } } })]);

/** Every event that can be. */
const all: Readonly<Record<string, SagaEvent>> = {
  started,
  called: called(0, 2),
  succeeded: succeeded(0),
  "failed in doubt": failed(0, "UNAVAILABLE"),
  refused: failed(0, "NOT_FOUND"),
  "not built": notBuilt(0),
  late,
  recovered,
  delivered,
  "undo called": undoCalled(0),
  undone: undone(0),
  "undo failed": undoFailed(0, "UNAVAILABLE"),
  "undo not built": undoNotBuilt(0),
  responded,
  "not responded": notResponded,
  retried: retried(0),
  skipped: skipped(0),
};

const done = [called(0), succeeded(0)];
const undoing = [...done, notResponded, delivered];

/**
 * A saga's situation, the events that lead there, and which events it expects then, with the phase that they lead to.
 */
const table: readonly [string, SagaEvent[], Record<string, Phase>][] = [
  [
    "a step is due",
    [],
    { called: "running", "not built": "compensated", late: "compensated", recovered: "compensated" },
  ],
  [
    "a step is called",
    [called(0)],
    {
      succeeded: "running",
      "failed in doubt": "running",
      refused: "compensated",
      late: "rollback-queued",
      recovered: "rollback-queued",
    },
  ],
  [
    "all steps are done",
    done,
    {
      responded: "completed",
      "not responded": "rollback-queued",
      late: "rollback-queued",
      recovered: "rollback-queued",
    },
  ],
  ["the rollback is queued", [...done, late], { delivered: "compensating", recovered: "rollback-queued" }],
  [
    "the rollback is queued and a call in flight",
    [called(0), late],
    {
      succeeded: "rollback-queued",
      "failed in doubt": "rollback-queued",
      refused: "rollback-queued",
      delivered: "compensating",
      recovered: "rollback-queued",
    },
  ],
  [
    "the rollback waits for a call in flight",
    [called(0), late, delivered],
    {
      succeeded: "compensating",
      "failed in doubt": "compensating",
      refused: "compensated",
      recovered: "compensating",
    },
  ],
  [
    "a compensation is due",
    undoing,
    { "undo called": "compensating", "undo not built": "stuck", recovered: "compensating" },
  ],
  [
    "a compensation is called",
    [...undoing, undoCalled(0)],
    { undone: "compensated", "undo failed": "stuck", recovered: "compensating" },
  ],
  [
    "a compensation is stuck",
    [...undoing, undoCalled(0), undoFailed(0, "ABORTED")],
    { retried: "compensating", skipped: "compensated" },
  ],
  ["the saga is compensated", [...undoing, undoCalled(0), undone(0)], {}],
  ["the saga is completed", [...done, responded], {}],
];

describe.each(table)("where %s", (_, history, expected) => {
  test.each(Object.entries(all))("%s", (name, event) => {
    const saga = playing(plan, ...history);
    const next = saga.ask(event);
    const phase = expected[name];
    if (phase === undefined) {
      expect(next.unexpected).toEqual(expect.stringMatching(/./));
      expect(next.state, "nothing is changed").toBe(saga.state());
      expect(next.commands).toEqual([]);
    } else {
      expect(next.unexpected).toBeUndefined();
      expect(next.state.phase).toBe(phase);
    }
  });

  test("the table names existing events only", () => {
    expect(Object.keys(all)).toEqual(expect.arrayContaining(Object.keys(expected)));
  });
});

test.each(Object.entries(all))("before a saga began, %s", (name, event) => {
  const before = initialState(plan);
  const next = transition(plan, before, event);
  expect(next.unexpected === undefined).toBe(name === "started");
  expect(next.state.phase).toBe(name === "started" ? "running" : "new");
});

test("an event of a step that the facade does not have is an error", () => {
  expect(() => playing(plan).ask(succeeded(7))).toThrow(RangeError);
  expect(() => playing(plan).ask(undone(-1))).toThrow("no step at position -1");
});

describe("if two processes ran the saga for a moment", () => {
  test("an earlier attempt's failure is ignored; its success is not", () => {
    const saga = playing(plan, called(0, 2));
    for (const code of ["UNAVAILABLE", "NOT_FOUND"] as const) {
      const next = saga.ask({ ...failed(0, code), attempt: 1 } as SagaEvent);
      expect(next.unexpected).toContain("attempt 1 failed, but attempt 2 is the current one");
      expect(next.state).toBe(saga.state());
    }
    expect(saga.ask({ ...failed(0, "NOT_FOUND"), attempt: 2 } as SagaEvent).unexpected).toBeUndefined();
    expect(saga.ask(succeeded(0)).unexpected).toBeUndefined();
  });

  test("the same holds for attempts to compensate", () => {
    const saga = playing(plan, ...undoing, undoCalled(0, 2));
    const next = saga.ask({ ...undoFailed(0, "UNAVAILABLE"), attempt: 1 } as SagaEvent);
    expect(next.unexpected).toContain("attempt 1 of the compensation failed, but attempt 2 is the current one");
    expect(next.state).toBe(saga.state());
    expect(saga.ask({ ...undoFailed(0, "UNAVAILABLE"), attempt: 2 } as SagaEvent).state.phase).toBe("stuck");
  });
});
