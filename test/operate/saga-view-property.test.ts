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

/** Expected and unexpected events of a saga of four steps. */
const everything: readonly SagaEvent[] = [
  ...[0, 1, 2, 3].flatMap((step) => [
    ...[1, 2, 3].flatMap((attempt) => [called(step, attempt), undoCalled(step, attempt)]),
    ...[
      events.arrived(step),
      succeeded(step),
      failed(step, "UNAVAILABLE"),
      failed(step, "INVALID_ARGUMENT"),
      events.notBuilt(step),
    ],
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
  ["step-failed", "recovered", "compensation-succeeded", "operator-retried", "operator-skipped"],
];

/** Mostly events that the state machine expects next, by a stream of choices. An async saga has its response from the start. */
function history(plan: SagaPlan, mood: number, choices: readonly number[]): SagaEvent[] {
  const likely = everything.filter(({ kind }) => !moods[mood]?.includes(kind));
  let state = initialState(plan);
  const begin = plan.mode === "async" ? [started, events.responded] : [started];
  return [...begin.map((_, at) => -1 - at), ...choices].map((choice) => {
    const expected = likely.filter((event) => transition(plan, state, event).unexpected === undefined);
    const from = choice % 5 === 0 || expected.length === 0 ? everything : expected;
    const event = choice < 0 ? (begin[-1 - choice] ?? started) : (from[choice % from.length] ?? started);
    state = transition(plan, state, event).state;
    return event;
  });
}

test("without the facade, an async saga has the same state and failure as with it", () => {
  const async = facadeOf({
    mode: "async",
    steps: { a: {}, b: { group: 1 }, c: { group: 1, idempotent: false }, d: {} },
  });
  const seen = new Set<SagaState>();
  fc.assert(
    fc.property(
      fc.nat({ max: moods.length - 1 }),
      fc.array(fc.nat({ max: 10_000 }), { maxLength: 60, size: "max" }),
      (mood, choices) => {
        const stored = storedSaga(async, ...history(async, mood, choices).map((event) => [event]));
        const [whole, bare] = [sagaView(stored, async), sagaView(stored, undefined)];
        const unseen = whole.failure?.reason === "SAGA_INTERRUPTED" && bare.failure === undefined;
        if (!unseen) {
          seen.add(whole.state);
          expect([bare.state, bare.failure]).toEqual([whole.state, whole.failure]);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect([...seen].sort(), "every state was there").toEqual([1, 2, 3, 4, 5]);
});

test("state and times are consistent after any events", () => {
  const wide = facadeOf({ steps: { a: {}, b: { group: 1 }, c: { group: 1 }, d: {} } });
  const seen = new Set<SagaState>();
  fc.assert(
    fc.property(
      fc.nat({ max: moods.length - 1 }),
      fc.array(fc.nat({ max: 10_000 }), { maxLength: 60, size: "max" }),
      (mood, choices) => {
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
      },
    ),
    { numRuns: 500 },
  );
  expect([...seen].sort(), "every state was there").toEqual([1, 2, 3, 4, 5]);
});
