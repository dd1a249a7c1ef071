import { describe, expect, test } from "vitest";
import { initialState, mayCall } from "../../runtime/core/state.js";
import { Status } from "../../runtime/core/status.js";
import { transition } from "../../runtime/core/transition.js";
import { events, failure, planOf, playing, step } from "./saga.js";

const { arrived, called, succeeded, failed, notBuilt, late, delivered, undoCalled, undone, responded, notResponded } =
  events;

describe("attempts of a call", () => {
  test("are as many as the policy says, with capped backoff; then the outcome is unknown", () => {
    const saga = playing(planOf([step(0)]));
    expect(saga.say(called(0), failed(0, "UNAVAILABLE"))).toEqual(["call 0 #2 <=10"]);
    expect(saga.say(called(0, 2), failed(0, "ABORTED"))).toEqual(["call 0 #3 <=15"]);
    expect(saga.say(called(0, 3), failed(0, "INTERNAL"))).toEqual(["queue-rollback"]);
    expect(saga.step(0)).toMatchObject({ status: "unknown", attempts: 3 });
    expect(saga.state().failure).toEqual({ ...failure("INTERNAL"), step: 0 });
  });

  test("are counted for each step and each compensation separately", () => {
    const saga = playing(planOf([step(0), step(0)]), called(0), called(1));
    saga.say(failed(0, "UNAVAILABLE"), called(0, 2), failed(0, "UNAVAILABLE"));
    expect(saga.say(failed(1, "UNAVAILABLE"))).toEqual(["call 1 #2 <=10"]);
    saga.say(called(0, 3), failed(0, "UNAVAILABLE"));
    expect(saga.say(delivered)).toEqual(["compensate 0 #1", "compensate 1 #1"]);
    expect([saga.step(0), saga.step(1)].map(({ attempts, undoAttempts }) => [attempts, undoAttempts])).toEqual([
      [3, 0],
      [1, 0],
    ]);
  });

  test("stop at a definite refusal", () => {
    const saga = playing(planOf([step(0), step(1)]), called(0), succeeded(0), called(1), failed(1, "UNAVAILABLE"));
    expect(saga.say(called(1, 2), failed(1, "FAILED_PRECONDITION"))).toEqual(["queue-rollback"]);
    expect(saga.step(1).status, "the attempt before may have taken effect").toBe("unknown");
    const sure = playing(planOf([step(0)]), called(0), failed(0, "FAILED_PRECONDITION"));
    expect(sure.step(0).status).toBe("failed");
  });

  test("end if the request can't be built: there is nothing to compensate", () => {
    const saga = playing(planOf([step(0, "compensatable", { compensateOnFailure: true })]));
    expect(saga.say(notBuilt(0, "UNAVAILABLE"))).toEqual([]);
    expect(saga.state().phase).toBe("compensated");
    expect(saga.step(0).attempts).toBe(0);
  });

  test("keep the first request, and forget the failure once one succeeds", () => {
    const saga = playing(planOf([step(0)]), called(0), failed(0, "UNAVAILABLE"));
    expect(saga.step(0).failure?.code).toBe(Status.UNAVAILABLE);
    saga.say({ kind: "step-called", step: 0, attempt: 2 }, succeeded(0));
    expect(saga.step(0)).toMatchObject({ sent: Uint8Array.of(0), received: Uint8Array.of(0), attempts: 2 });
    expect(saga.step(0).failure).toBeUndefined();
  });
});

describe("groups", () => {
  test("start together, and each only when the previous one is done", () => {
    const saga = playing(planOf([step(0), step(1), step(1), step(2)]));
    expect(saga.say(called(0), succeeded(0))).toEqual(["call 1 #1", "call 2 #1"]);
    expect(saga.say(called(1), called(2), succeeded(2))).toEqual([]);
    expect(saga.say(succeeded(1))).toEqual(["call 3 #1"]);
    expect(saga.say(called(3), succeeded(3))).toEqual(["respond"]);
    expect(saga.say(responded)).toEqual([]);
    expect(saga.state()).toMatchObject({ phase: "completed", response: Uint8Array.of(42), failure: undefined });
  });

  test.each([
    ["the deadline passes", late, { code: Status.DEADLINE_EXCEEDED, reason: "SAGA_DEADLINE_EXCEEDED", step: 1 }],
    ["a sibling is refused", failed(1, "NOT_FOUND"), { code: Status.NOT_FOUND, reason: "SAGA_STEP_FAILED", step: 1 }],
  ])("when %s, their group is compensated only after the calls in flight have ended", (_, turn, because) => {
    const saga = playing(planOf([step(0), step(1), step(1), step(1)]), called(0), succeeded(0));
    saga.say(called(1), called(2), called(3));
    expect(saga.say(turn)).toEqual(["queue-rollback"]);
    expect(saga.state().failure).toMatchObject(because);
    expect(saga.say(delivered), "not yet").toEqual([]);
    const others = saga.step(1).status === "calling" ? [failed(1, "ABORTED")] : [];
    expect(saga.say(...others, failed(2, "UNAVAILABLE")), "nor yet").toEqual([]);
    const open = saga.step(1).status === "unknown" ? ["compensate 1 #1"] : [];
    expect(saga.say(succeeded(3))).toEqual([...open, "compensate 2 #1", "compensate 3 #1"]);
    expect(saga.state().failure, "the first reason is the one that counts").toMatchObject(because);
    for (const at of open.length > 0 ? [1, 2] : [2]) {
      expect(saga.say(undoCalled(at), undone(at))).toEqual([]);
    }
    expect(saga.say(undoCalled(3), undone(3))).toEqual(["compensate 0 #1"]);
  });

  test("a sibling that waits for a retry is compensated without it; one that was never called is not", () => {
    const saga = playing(planOf([step(0), step(0), step(0)]), called(0), called(1), failed(1, "UNAVAILABLE"));
    expect(saga.say(failed(0, "NOT_FOUND"))).toEqual(["queue-rollback"]);
    expect([0, 1, 2].map((at) => saga.step(at).status)).toEqual(["failed", "unknown", "idle"]);
    expect([0, 1, 2].map((at) => mayCall(saga.state(), at))).toEqual([false, false, false]);
    expect(saga.ask(called(1, 2)).unexpected).toContain("must not be called");
    expect(saga.say(delivered)).toEqual(["compensate 1 #1"]);
  });
});

describe("the pivot", () => {
  const plan = planOf([step(0), step(1, "pivot"), step(2, "retriable"), step(2, "retriable")]);
  const before = [called(0), succeeded(0)];

  test("is retried until its outcome is known, whatever its policy says", () => {
    const saga = playing(plan, ...before, called(1));
    for (let attempt = 2; attempt < 30; attempt++) {
      const wait = attempt === 2 ? 10 : 15;
      expect(saga.say(failed(1, "UNAVAILABLE"))).toEqual([`call 1 #${attempt} <=${wait}`]);
      expect(saga.ask(late).unexpected, "no deadline stops it").toContain("pivot");
      saga.say(called(1, attempt));
    }
    expect(saga.say(failed(1, "FAILED_PRECONDITION")), "a refusal turns it back").toEqual(["queue-rollback"]);
    expect(saga.say(delivered)).toEqual(["compensate 0 #1"]);
  });

  test("is bound by the deadline until its first call", () => {
    const saga = playing(plan, ...before);
    expect(saga.say(late)).toEqual(["queue-rollback"]);
    expect(mayCall(saga.state(), 1)).toBe(false);
  });

  test.each(["UNAVAILABLE", "INVALID_ARGUMENT", "NOT_FOUND"] as const)(
    "once done, %s does not stop its saga",
    (code) => {
      const saga = playing(plan, ...before, called(1), succeeded(1), called(2), called(3));
      expect(saga.say(failed(2, code))).toEqual(["call 2 #2 <=10"]);
      for (let attempt = 2; attempt < 30; attempt++) {
        expect(saga.say(called(2, attempt), failed(2, code))).toEqual([`call 2 #${attempt + 1} <=15`]);
      }
      expect(saga.ask(late).unexpected).toContain("only goes forward");
      expect(saga.say(succeeded(3), called(2, 30), succeeded(2))).toEqual(["respond"]);
    },
  );

  test("once done, has requests that can't be built retried with backoff, too", () => {
    const saga = playing(plan, ...before, called(1), succeeded(1));
    expect(saga.say(notBuilt(2))).toEqual(["call 2 #2 <=10"]);
    expect(saga.say(notBuilt(2))).toEqual(["call 2 #3 <=15"]);
    expect(saga.say(called(2, 3), called(3), succeeded(3), succeeded(2))).toEqual(["respond"]);
  });
});

describe("the response", () => {
  test("that can't be built rolls the saga back, as a failure of no step", () => {
    const saga = playing(planOf([step(0)]), called(0), succeeded(0));
    expect(saga.say(notResponded)).toEqual(["queue-rollback"]);
    expect(saga.state().failure).toMatchObject({ code: Status.INTERNAL, step: undefined });
    expect(saga.say(delivered)).toEqual(["compensate 0 #1"]);
  });

  test("that can't be built past the pivot completes the saga with the failure as its answer", () => {
    const saga = playing(planOf([step(0), step(1, "pivot")]), called(0), succeeded(0), called(1), succeeded(1));
    expect(saga.say(notResponded)).toEqual([]);
    expect(saga.state()).toMatchObject({ phase: "completed", response: undefined });
    expect(saga.state().failure).toMatchObject({ code: Status.INTERNAL, step: undefined });
  });

  test("that is late rolls a saga back whose steps are all done", () => {
    const saga = playing(planOf([step(0)]), called(0), succeeded(0));
    expect(saga.say(late)).toEqual(["queue-rollback"]);
    expect(saga.state().failure).toMatchObject({ reason: "SAGA_DEADLINE_EXCEEDED", step: undefined });
    expect(saga.ask(responded).unexpected).toContain("needs no response");
  });

  test("of an async saga comes first; the saga completes with its last step", () => {
    const saga = playing(planOf([step(0), step(1)], { mode: "async" }));
    expect(saga.ask(arrived(0)).unexpected).toContain("does not wait for a message");
    saga.say(responded, arrived(0), called(0), succeeded(0), arrived(1), called(1));
    expect(saga.ask(responded).unexpected).toContain("needs no response");
    expect(saga.say(succeeded(1))).toEqual([]);
    expect(saga.state()).toMatchObject({ phase: "completed", response: Uint8Array.of(42) });
  });

  test("of a throttled saga comes at its end, as a sync one's", () => {
    const saga = playing(planOf([step(0)], { mode: "throttled" }), arrived(0), called(0));
    expect(saga.say(succeeded(0))).toEqual(["respond"]);
  });
});

test("a saga keeps its deadline and its trace", () => {
  const plan = planOf([step(0)]);
  const about = { deadlineAtMs: 99, traceparent: "00-a-b-01" };
  const { state } = transition(plan, initialState(plan), { kind: "started", ...about });
  expect(state).toMatchObject({ phase: "running", ...about });
});
