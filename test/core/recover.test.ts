import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import type { SagaPlan } from "../../runtime/core/plan.js";
import { initialState } from "../../runtime/core/state.js";
import { Status } from "../../runtime/core/status.js";
import { replay } from "../../runtime/core/transition.js";
import { events, planOf, playing, step, undoRetry } from "./saga.js";

const { called, succeeded, failed, late, recovered, delivered, undoCalled, undone, undoFailed, notResponded } = events;
const carryOn = { recovery: "carry-on" } as const;
const once = { idempotent: false };

describe("a saga with recovery roll-back that a crash interrupted before its pivot", () => {
  test.each<readonly [string, SagaEvent[], string[], number | undefined]>([
    ["with a call in flight undoes it, too", [called(0), succeeded(0), called(1)], ["compensate 1 #1"], 1],
    ["between two steps undoes those that ran", [called(0), succeeded(0)], ["compensate 0 #1"], 1],
    [
      "that waited for another attempt undoes it, too",
      [called(0), succeeded(0), called(1), failed(1, "UNAVAILABLE")],
      ["compensate 1 #1"],
      1,
    ],
    [
      "with all steps done is compensated: its client did not get a success",
      [called(0), succeeded(0), called(1), succeeded(1)],
      ["compensate 1 #1"],
      undefined,
    ],
  ])("%s", (_, history, undo, at) => {
    const saga = playing(planOf([step(0), step(1)]), ...history);
    expect(saga.say(recovered)).toEqual(["queue-rollback"]);
    expect(saga.state().failure).toMatchObject({ code: Status.UNAVAILABLE, reason: "SAGA_INTERRUPTED", step: at });
    expect(saga.say(delivered)).toEqual(undo);
  });

  test("is compensated at once if no call left", () => {
    const saga = playing(planOf([step(0)]));
    expect(saga.say(recovered)).toEqual([]);
    expect(saga.state().phase).toBe("compensated");
  });
});

describe("a saga with recovery carry-on that a crash interrupted", () => {
  test("repeats calls in flight; interrupted attempts don't count as failures", () => {
    const saga = playing(planOf([step(0)], carryOn));
    for (let attempt = 1; attempt <= 5; attempt++) {
      saga.say(called(0, attempt));
      expect(saga.say(recovered)).toEqual([`call 0 #${attempt + 1}`]);
    }
    expect(saga.say(called(0, 6), failed(0, "ABORTED"))).toEqual(["call 0 #7 <=15"]);
    expect(saga.say(called(0, 7), failed(0, "ABORTED"))).toEqual(["call 0 #8 <=15"]);
    expect(saga.say(called(0, 8))).toEqual([]);
    expect(saga.say(recovered)).toEqual(["call 0 #9"]);
    expect(saga.say(called(0, 9), failed(0, "ABORTED")), "the third failure").toEqual(["queue-rollback"]);
    expect(saga.step(0)).toMatchObject({ attempts: 9, failures: 3 });
  });

  test("calls at once what waited for a retry, and what never left", () => {
    const plan = planOf([step(0), step(0, "compensatable", once), step(0)], carryOn);
    const saga = playing(plan, called(0), failed(0, "UNAVAILABLE"), called(2), succeeded(2));
    expect(saga.say(recovered)).toEqual(["call 0 #2", "call 1 #1"]);
  });

  test("rolls back if a call in flight may not be repeated", () => {
    const plan = planOf([step(0), step(1), step(1, "compensatable", once)], carryOn);
    const saga = playing(plan, called(0), succeeded(0), called(1), called(2));
    expect(saga.say(recovered)).toEqual(["queue-rollback"]);
    expect(saga.state().failure, "the culprit, not the first in flight").toMatchObject({ step: 2 });
    expect(saga.say(delivered)).toEqual(["compensate 1 #1", "compensate 2 #1"]);
  });

  test("builds its response again", () => {
    const saga = playing(planOf([step(0)], carryOn), called(0), succeeded(0));
    expect(saga.say(recovered)).toEqual(["respond"]);
  });
});

describe("a saga that a crash interrupted at its pivot or past it goes forward, whatever its options say", () => {
  const plan = planOf([step(0), step(1, "pivot"), step(2, "retriable"), step(2, "retriable")]);
  const toPivot = [called(0), succeeded(0), called(1)];

  test.each<readonly [string, SagaEvent[], string[]]>([
    ["with the pivot in flight", toPivot, ["call 1 #2"]],
    ["with the pivot in doubt", [...toPivot, failed(1, "UNAVAILABLE")], ["call 1 #2"]],
    ["with the pivot done", [...toPivot, succeeded(1)], ["call 2 #1", "call 3 #1"]],
    ["half way through the last group", [...toPivot, succeeded(1), called(2), called(3), succeeded(3)], ["call 2 #2"]],
    ["with all done", [...toPivot, succeeded(1), called(2), called(3), succeeded(2), succeeded(3)], ["respond"]],
  ])("%s", (_, history, commands) => {
    expect(playing(plan, ...history).say(recovered)).toEqual(commands);
  });

  test("but not before the pivot left", () => {
    expect(playing(plan, called(0), succeeded(0)).say(recovered)).toEqual(["queue-rollback"]);
  });
});

describe("a rollback that a crash interrupted", () => {
  const plan = planOf([step(0), step(1), step(1)]);
  const toGroup = [called(0), succeeded(0), called(1), called(2)];

  test("is queued again if its message may not have been delivered", () => {
    const saga = playing(plan, ...toGroup, late);
    expect(saga.say(recovered)).toEqual(["queue-rollback"]);
    expect(saga.step(1).status, "no answer will come any more").toBe("unknown");
    expect(saga.say(delivered)).toEqual(["compensate 1 #1", "compensate 2 #1"]);
    expect(saga.ask(delivered).unexpected, "the first message, delivered after all").toContain(
      "does not wait for a rollback",
    );
  });

  test("does not wait for calls that were in flight", () => {
    const saga = playing(plan, ...toGroup, late, delivered);
    expect(saga.say(recovered)).toEqual(["compensate 1 #1", "compensate 2 #1"]);
  });

  test("continues with the same attempts and waits: restarts use up none of them", () => {
    const saga = playing(plan, ...toGroup, late, succeeded(1), succeeded(2), delivered);
    saga.say(undoCalled(1), undoFailed(1, "UNAVAILABLE"), undoCalled(2), undone(2));
    expect(saga.say(recovered), "which waited").toEqual(["compensate 1 #2 <=100"]);
    saga.say(undoCalled(1, 2));
    expect(saga.say(recovered), "which was in flight").toEqual(["compensate 1 #3 <=300"]);
    expect(saga.say(undoCalled(1, 3), undone(1))).toEqual(["compensate 0 #1"]);
  });

  test("is STUCK when its attempts have failed, not when crashes interrupted them", () => {
    const saga = playing(planOf([step(0)]), called(0), late, succeeded(0), delivered);
    for (let attempt = 1; attempt <= undoRetry.maxAttempts; attempt++) {
      saga.say(undoCalled(0, attempt), recovered);
    }
    for (let failure = 1; failure < undoRetry.maxAttempts; failure++) {
      saga.say(undoCalled(0, undoRetry.maxAttempts + failure), undoFailed(0, "UNAVAILABLE"));
      expect(saga.state().phase).toBe("compensating");
    }
    saga.say(undoCalled(0, 2 * undoRetry.maxAttempts), undoFailed(0, "UNAVAILABLE"));
    expect(saga.state().phase).toBe("stuck");
  });

  test("leaves stuck compensations to the operator", () => {
    const saga = playing(plan, ...toGroup, late, succeeded(1), succeeded(2), delivered);
    for (let attempt = 1; attempt <= undoRetry.maxAttempts; attempt++) {
      saga.say(undoCalled(1, attempt), undoFailed(1, "UNAVAILABLE"));
    }
    expect(saga.say(recovered)).toEqual(["compensate 2 #1"]);
    saga.say(undoCalled(2), undone(2));
    expect(saga.state().phase).toBe("stuck");
    expect(saga.ask(recovered).unexpected).toContain("nothing to recover");
  });
});

describe("replay", () => {
  const history = [events.started, called(0), succeeded(0), notResponded, delivered, undoCalled(0), undone(0)];
  const plan: SagaPlan = planOf([step(0)]);

  test("of all events gives the same state", () => {
    const saga = playing(plan, ...history.slice(1));
    expect(replay(plan, history)).toEqual(saga.state());
  });

  test("of no events is a saga that has not begun", () => {
    expect(replay(plan, [])).toEqual(initialState(plan));
  });
});
