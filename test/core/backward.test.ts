import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import type { SagaPlan } from "../../runtime/core/plan.js";
import { mayCompensate } from "../../runtime/core/state.js";
import type { StatusName } from "../../runtime/core/status.js";
import { events, type Playing, planOf, playing, step, undoRetry } from "./saga.js";

const { called, succeeded, failed, late, delivered, undoCalled, undone, undoFailed, undoNotBuilt } = events;
const { notResponded, retried, skipped } = events;

/** A saga with all steps done that rolls back because its response could not be built. */
function turnedBack(plan: SagaPlan): Playing {
  const saga = playing(plan);
  plan.steps.forEach((_, at) => {
    saga.say(called(at), succeeded(at));
  });
  saga.say(notResponded);
  return saga;
}

/** What happens until a compensation is stuck. */
function becomesStuck(at: number): SagaEvent[] {
  return Array.from({ length: undoRetry.maxAttempts }, (_, n) => [
    undoCalled(at, n + 1),
    undoFailed(at, "UNAVAILABLE"),
  ]).flat();
}

describe("compensations", () => {
  test("run in reverse order of the groups, in parallel within a group; reads have none", () => {
    const saga = turnedBack(planOf([step(0), step(1), step(1), step(1, "read"), step(2, "read"), step(3)]));
    expect(saga.say(delivered)).toEqual(["compensate 5 #1"]);
    expect(saga.say(undoCalled(5), undone(5))).toEqual(["compensate 1 #1", "compensate 2 #1"]);
    expect(saga.say(undoCalled(1), undoCalled(2), undone(2))).toEqual([]);
    expect(saga.say(undone(1))).toEqual(["compensate 0 #1"]);
    expect(saga.say(undoCalled(0), undone(0))).toEqual([]);
    expect(saga.state().phase).toBe("compensated");
  });

  test("of refused steps run only if their options ask for it", () => {
    for (const compensateOnFailure of [false, true]) {
      const plan = planOf([step(0), step(1, "compensatable", { compensateOnFailure })]);
      const saga = playing(plan, called(0), succeeded(0), called(1), failed(1, "NOT_FOUND"));
      expect(saga.say(delivered)).toEqual([compensateOnFailure ? "compensate 1 #1" : "compensate 0 #1"]);
    }
  });

  test("are retried after any failure with capped backoff, and then are stuck", () => {
    const saga = turnedBack(planOf([step(0)]));
    saga.say(delivered);
    const codes: StatusName[] = ["UNAVAILABLE", "FAILED_PRECONDITION", "NOT_FOUND", "INVALID_ARGUMENT"];
    const said = codes.flatMap((code, n) => saga.say(undoCalled(0, n + 1), undoFailed(0, code)));
    expect(said).toEqual([2, 3, 4, 5].map((n) => `compensate 0 #${n} <=${[100, 300, 500, 500][n - 2]}`));
    expect(saga.say(undoCalled(0, 5), undoFailed(0, "UNIMPLEMENTED"))).toEqual([]);
    expect(saga.state().phase).toBe("stuck");
    expect(saga.step(0)).toMatchObject({ undo: "stuck", undoAttempts: 5, attempts: 1 });
  });

  test("whose request can't be built use up their attempts, too", () => {
    const saga = turnedBack(planOf([step(0)]));
    saga.say(delivered);
    expect(saga.say(undoNotBuilt(0))).toEqual(["compensate 0 #2 <=100"]);
    expect(saga.say(undoNotBuilt(0))).toEqual(["compensate 0 #3 <=300"]);
    saga.say(undoNotBuilt(0), undoNotBuilt(0), undoNotBuilt(0));
    expect(saga.state().phase).toBe("stuck");
  });

  test("keep their first request", () => {
    const saga = turnedBack(planOf([step(0)]));
    saga.say(delivered, undoCalled(0), undoFailed(0, "UNAVAILABLE"));
    saga.say({ kind: "compensation-called", step: 0, attempt: 2 });
    expect(saga.step(0)).toMatchObject({ undoSent: Uint8Array.of(0), undoAttempts: 2 });
  });

  test("may leave only when they are due", () => {
    const saga = turnedBack(planOf([step(0), step(1)]));
    expect([0, 1].map((at) => mayCompensate(saga.state(), at))).toEqual([false, false]);
    saga.say(delivered);
    expect([0, 1].map((at) => mayCompensate(saga.state(), at))).toEqual([false, true]);
    saga.say(undoCalled(1));
    expect(mayCompensate(saga.state(), 1)).toBe(false);
  });
});

describe("a compensation that finds nothing", () => {
  const eager = planOf([step(0, "compensatable", { compensateOnFailure: true, idempotent: false })]);

  test.each([
    [
      "counts as done if the step's outcome is unknown",
      [failed(0, "UNAVAILABLE"), delivered],
      undoFailed,
      "compensated",
    ],
    [
      "counts as done if the deadline passed before the step's answer",
      [late, delivered, failed(0, "CANCELLED")],
      undoFailed,
      "compensated",
    ],
    ["counts as done if the step failed definitely", [failed(0, "NOT_FOUND"), delivered], undoFailed, "compensated"],
    ["is a failure where the step was done", [succeeded(0), notResponded, delivered], undoFailed, "compensating"],
    [
      "is a failure where the answer came while the saga turned back",
      [late, delivered, succeeded(0)],
      undoFailed,
      "compensating",
    ],
    [
      "is a failure where only the user's code says so",
      [failed(0, "UNAVAILABLE"), delivered],
      undefined,
      "compensating",
    ],
  ])("%s", (_, history, undoFail, phase) => {
    const saga = playing(eager, called(0), ...history);
    const said =
      undoFail === undefined
        ? saga.say(undoNotBuilt(0, "NOT_FOUND"))
        : saga.say(undoCalled(0), undoFail(0, "NOT_FOUND"));
    expect(saga.state().phase).toBe(phase);
    expect(saga.step(0).undo).toBe(phase === "compensated" ? "done" : "due");
    expect(said).toEqual(phase === "compensated" ? [] : ["compensate 0 #2 <=100"]);
  });

  test.each(["UNAVAILABLE", "INVALID_ARGUMENT", "UNIMPLEMENTED"] as const)("is not one that answers %s", (code) => {
    const saga = playing(eager, called(0), failed(0, "UNAVAILABLE"), delivered, undoCalled(0));
    expect(saga.say(undoFailed(0, code))).toEqual(["compensate 0 #2 <=100"]);
  });
});

describe("a stuck compensation", () => {
  const plan = planOf([step(0), step(1), step(1), step(1)]);

  test("blocks those of earlier groups; those of its own group continue", () => {
    const saga = turnedBack(plan);
    saga.say(delivered, undoCalled(2), ...becomesStuck(1));
    expect(saga.state().phase, "others still run").toBe("compensating");
    expect(saga.say(undoFailed(2, "UNAVAILABLE"))).toEqual(["compensate 2 #2 <=100"]);
    expect(saga.say(undoCalled(2, 2), undone(2), undoCalled(3), undone(3))).toEqual([]);
    expect(saga.state().phase).toBe("stuck");
    expect(saga.step(0).undo, "nobody undoes what came before").toBe("idle");
  });

  test("is retried by an operator, with its attempts counted from 0", () => {
    const saga = turnedBack(planOf([step(0), step(1)]));
    saga.say(delivered, ...becomesStuck(1));
    expect(saga.say(retried(1))).toEqual(["compensate 1 #1"]);
    expect(saga.state().phase).toBe("compensating");
    saga.say(...becomesStuck(1));
    expect(saga.state().phase, "it may get stuck again").toBe("stuck");
    expect(saga.say(retried(1), undoCalled(1), undone(1))).toEqual(["compensate 0 #1"]);
    saga.say(undoCalled(0), undone(0));
    expect(saga.state().phase).toBe("compensated");
  });

  test("is declared done by an operator, and what waited for it continues", () => {
    const saga = turnedBack(planOf([step(0), step(1)]));
    saga.say(delivered, ...becomesStuck(1));
    expect(saga.say(skipped(1))).toEqual(["compensate 0 #1"]);
    saga.say(undoCalled(0), undone(0));
    expect(saga.state().phase).toBe("compensated");
    expect(saga.step(1).undo).toBe("skipped");
  });

  test("can be resolved while others of its group still run", () => {
    const saga = turnedBack(plan);
    saga.say(delivered, undoCalled(2), undoCalled(3), ...becomesStuck(1));
    expect(saga.say(skipped(1))).toEqual([]);
    expect(saga.say(undone(2))).toEqual([]);
    expect(saga.say(undone(3))).toEqual(["compensate 0 #1"]);
  });

  test("is resolved independently of another stuck one", () => {
    const saga = turnedBack(plan);
    saga.say(delivered, undoCalled(3), undone(3), ...becomesStuck(1), ...becomesStuck(2));
    expect(saga.state().phase).toBe("stuck");
    expect(saga.say(retried(1))).toEqual(["compensate 1 #1"]);
    expect(saga.step(2).undo).toBe("stuck");
    expect(saga.say(undoCalled(1), undone(1))).toEqual([]);
    expect(saga.state().phase, "the other still is").toBe("stuck");
    expect(saga.say(skipped(2))).toEqual(["compensate 0 #1"]);
  });

  test("is all that an operator can act on", () => {
    const saga = turnedBack(plan);
    saga.say(delivered, ...becomesStuck(1));
    expect(saga.ask(retried(2)).unexpected).toContain("not stuck");
    expect(saga.ask(skipped(0)).unexpected).toContain("not stuck");
  });
});
