import fc from "fast-check";
import { expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import type { SagaPlan } from "../../runtime/core/plan.js";
import { initialState } from "../../runtime/core/state.js";
import { replay, transition } from "../../runtime/core/transition.js";
import { decodeRecord } from "../../runtime/journal/record.js";
import { sagaView } from "../../runtime/operate/saga-view.js";
import { CompensationState, type SagaState, StepState } from "../../runtime/pb/saga/v1/service.js";
import { events } from "../core/saga.js";
import { facadeOf } from "../engine/support/facade.js";
import { overTheWire, storedSaga } from "./support/stored.js";

const { started, called, succeeded, failed, undoCalled, undone, undoFailed, delivered } = events;

/** Whatever may happen to a saga of four steps; also what may not. */
const everything: readonly SagaEvent[] = [
  ...[0, 1, 2, 3].flatMap((step) => [
    ...[1, 2, 3].flatMap((attempt) => [called(step, attempt), undoCalled(step, attempt)]),
    ...[succeeded(step), failed(step, "UNAVAILABLE"), failed(step, "INVALID_ARGUMENT"), events.notBuilt(step)],
    ...[undone(step), undoFailed(step, "INTERNAL"), undoFailed(step, "NOT_FOUND"), events.undoNotBuilt(step)],
    ...[events.retried(step), events.skipped(step)],
  ]),
  ...[delivered, events.recovered, events.late, events.responded, events.notResponded],
];

/** Events that a mood leaves out, so that every end is reached. */
const moods: readonly (readonly SagaEvent["kind"][])[] = [
  [],
  ["step-failed", "deadline-passed", "recovered", "respond-failed"],
  ["step-succeeded", "responded"],
  ["compensation-succeeded", "operator-retried", "operator-skipped"],
];

/** Mostly what the state machine expects next, by a stream of choices. */
function history(plan: SagaPlan, mood: number, choices: readonly number[]): SagaEvent[] {
  const likely = everything.filter(({ kind }) => !moods[mood]?.includes(kind));
  let state = initialState(plan);
  return [-1, ...choices].map((choice) => {
    const expected = likely.filter((event) => transition(plan, state, event).unexpected === undefined);
    const from = choice % 5 === 0 || expected.length === 0 ? everything : expected;
    const event = choice < 0 ? started : (from[choice % from.length] ?? started);
    state = transition(plan, state, event).state;
    return event;
  });
}

test("whatever has happened, state and times fit together", () => {
  const wide = facadeOf({ steps: { a: {}, b: { group: 1 }, c: { group: 1 }, d: {} } });
  const seen = new Set<SagaState>();
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.array(fc.nat({ max: 10_000 }), { maxLength: 60 }), (mood, choices) => {
      const stored = storedSaga(wide, ...history(wide, mood, choices).map((event) => [event]));
      const saga = overTheWire(sagaView(stored, wide));
      const state = replay(wide, stored.records.flatMap(decodeRecord));
      seen.add(saga.state);
      expect(saga.parkedReason).toBe("");
      expect(saga.endTime !== undefined).toBe(state.phase === "completed" || state.phase === "compensated");
      saga.steps.forEach((step, n) => {
        const { status, undo, attempts } = state.steps[n] ?? {};
        expect(StepState[step.state]).toBe(`STEP_STATE_${status?.toUpperCase()}`);
        expect(CompensationState[step.compensation?.state ?? -1]).toBe(`COMPENSATION_STATE_${undo?.toUpperCase()}`);
        expect(step.attempts).toBe(attempts);
        expect(step.endTime !== undefined).toBe(status === "done" || status === "failed" || status === "unknown");
        expect(step.compensation?.endTime !== undefined).toBe(undo === "done" || undo === "skipped");
        for (const { startTime, endTime } of [saga, step, step.compensation ?? saga]) {
          expect(Number(startTime ?? 0)).toBeLessThanOrEqual(Number(endTime ?? saga.updateTime));
        }
      });
    }),
    { numRuns: 1_000 },
  );
  expect(seen.size, "every state was there").toBe(5);
});
