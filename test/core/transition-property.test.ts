import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { initialState, stepOf } from "../../runtime/core/state.js";
import { transition } from "../../runtime/core/transition.js";
import { anyPlan, type Outcome, play } from "./world.js";

const runs = { numRuns: 3_000 };

function everySaga(claim: (outcome: Outcome) => void): void {
  const choices = fc.infiniteStream(fc.nat({ max: 1_000 }));
  fc.assert(
    fc.property(anyPlan, choices, (plan, stream) => claim(play(plan, () => stream.next().value))),
    runs,
  );
}

describe("every saga, whatever the upstreams answer and wherever the process crashes", () => {
  test("ends COMPLETED with every effect, COMPENSATED with none, or STUCK with a compensation left to do", () => {
    everySaga(({ plan, state, applied, undone }) => {
      const steps = plan.steps.map((step, at) => ({ step, at, now: stepOf(state, at) }));
      if (state.phase === "completed") {
        expect(applied).toEqual(plan.steps.map(() => true));
        expect(undone.some(Boolean)).toBe(false);
        return;
      }
      expect(steps.every(({ step, at }) => step.kind !== "pivot" || !applied[at])).toBe(true);
      if (state.phase === "stuck") {
        expect(steps.some(({ now }) => now.undo === "stuck")).toBe(true);
        return;
      }
      expect(state.phase).toBe("compensated");
      for (const { step, at } of steps.filter(({ step: { kind } }) => kind === "compensatable")) {
        expect(!applied[at] || undone[at], `step ${at} of group ${step.group} still has its effect`).toBe(true);
      }
    });
  });

  test("compensates only what was called, in reverse order", () => {
    everySaga(({ plan, state, calls }) => {
      const group = (call: string) => plan.steps[Number(call.slice(1))]?.group ?? 0;
      const firsts = calls.filter((call, at) => call.startsWith("-") && calls.indexOf(call) === at);
      const groups = firsts.map(group);
      expect(groups, "in the reverse of the groups' order").toEqual([...groups].sort((a, b) => b - a));
      for (const call of firsts) {
        expect(calls, "only what was called").toContain(call.replace("-", "+"));
        const now = stepOf(state, Number(call.slice(1)));
        const eager = plan.steps[Number(call.slice(1))]?.compensateOnFailure;
        expect(now.status === "done" || now.status === "unknown" || eager, "not what was surely refused").toBe(true);
      }
      const turned = calls.findIndex((call) => call.startsWith("-"));
      const late = turned < 0 ? [] : calls.slice(turned).filter((call) => call.startsWith("+"));
      expect(late, "nothing is called forward once the saga turned back").toEqual([]);
    });
  });

  test("compensates nothing once the pivot has succeeded", () => {
    everySaga(({ plan, state, calls, applied }) => {
      const pivot = plan.steps.findIndex(({ kind }) => kind === "pivot");
      if (pivot >= 0 && applied[pivot]) {
        expect(state.phase).toBe("completed");
        expect(calls.filter((call) => call.startsWith("-"))).toEqual([]);
      }
    });
  });

  test("never repeats a step that is not idempotent, nor starts a group before the previous one is done", () => {
    everySaga(({ plan, calls }) => {
      const forward = calls.filter((call) => call.startsWith("+")).map((call) => Number(call.slice(1)));
      const groups = forward.map((at) => plan.steps[at]?.group ?? 0);
      expect(groups).toEqual([...groups].sort((a, b) => a - b));
      plan.steps.forEach((step, at) => {
        if (!step.idempotent) {
          expect(forward.filter((other) => other === at).length).toBeLessThanOrEqual(1);
        }
      });
    });
  });
});

test("an unexpected event changes nothing and says why", () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const before = initialState(plan);
      const next = transition(plan, before, { kind: "step-succeeded", step: 0, received: new Uint8Array() });
      expect(next.state).toBe(before);
      expect(next.commands).toEqual([]);
      expect(next.unexpected).toContain("does not expect an answer");
    }),
  );
});
