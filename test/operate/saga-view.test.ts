import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import { Status } from "../../runtime/core/status.js";
import { sagaView } from "../../runtime/operate/saga-view.js";
import { CompensationState, type Saga, SagaState, StepState } from "../../runtime/pb/saga/v1/service.js";
import { events } from "../core/saga.js";
import { facadeOf } from "../engine/support/facade.js";
import { at, overTheWire, startMs, storedSaga, stuckEntries } from "./support/stored.js";

const facade = facadeOf({ steps: { a: {}, b: {} } });
const refused = { code: Status.INVALID_ARGUMENT, message: "no: INVALID_ARGUMENT", reason: "SAGA_STEP_FAILED" };
const lost = { code: Status.UNAVAILABLE, message: "no: UNAVAILABLE", reason: "SAGA_STEP_FAILED" };

const idle = {
  state: CompensationState.COMPENSATION_STATE_IDLE,
  attempts: 0,
  startTime: undefined,
  endTime: undefined,
  failure: undefined,
};

/** The view of a saga of the facade, as a client reads it. */
function viewOf(...entries: readonly (readonly SagaEvent[])[]): Saga {
  return overTheWire(sagaView(storedSaga(facade, ...entries), facade));
}

const { started, called, succeeded, failed, undoCalled, undone } = events;

describe("the view of a saga", () => {
  test("while it runs", () => {
    expect(viewOf([{ ...started, deadlineAtMs: startMs + 60_000 }, called(0)], [succeeded(0), called(1)])).toEqual({
      requestId: "s",
      facade: "test.Service/Run",
      state: SagaState.SAGA_STATE_RUNNING,
      steps: [
        {
          name: "a",
          state: StepState.STEP_STATE_DONE,
          attempts: 1,
          startTime: at(0),
          endTime: at(1),
          failure: undefined,
          compensation: idle,
        },
        {
          name: "b",
          state: StepState.STEP_STATE_CALLING,
          attempts: 1,
          startTime: at(1),
          endTime: undefined,
          failure: undefined,
          compensation: idle,
        },
      ],
      failure: undefined,
      failedStep: "",
      response: undefined,
      startTime: at(0),
      updateTime: at(1),
      endTime: undefined,
      deadline: at(60),
      parkedReason: "",
    });
  });

  test("when it has completed: with the response", () => {
    expect(viewOf([started, called(0)], [succeeded(0), called(1)], [succeeded(1), events.responded])).toMatchObject({
      state: SagaState.SAGA_STATE_COMPLETED,
      response: { typeUrl: "type.googleapis.com/test.Response", value: Uint8Array.of(42) },
      endTime: at(2),
      steps: [{ state: StepState.STEP_STATE_DONE }, { state: StepState.STEP_STATE_DONE, endTime: at(2) }],
    });
  });

  test("while a step is retried: with the failure, and without it after a success", () => {
    const tries = [[started, called(0)], [failed(0, "UNAVAILABLE")], [called(0, 2)]] as const;
    expect(viewOf(...tries.slice(0, 2)).steps[0]).toMatchObject({
      state: StepState.STEP_STATE_DUE,
      attempts: 1,
      failure: lost,
    });
    expect(viewOf(...tries).steps[0]).toMatchObject({
      state: StepState.STEP_STATE_CALLING,
      attempts: 2,
      startTime: at(0),
      endTime: undefined,
      failure: lost,
    });
    const done = viewOf(...tries, [succeeded(0)]).steps[0];
    expect(done).toMatchObject({ state: StepState.STEP_STATE_DONE, endTime: at(3), failure: undefined });
  });

  test("while it is rolled back, and after it is compensated", () => {
    const entries = stuckEntries.slice(0, 4);
    const failure = { failure: refused, failedStep: "b", endTime: undefined, response: undefined };
    expect(viewOf(...entries.slice(0, 3)), "queued").toMatchObject({
      state: SagaState.SAGA_STATE_ROLLING_BACK,
      ...failure,
      steps: [
        { compensation: { state: CompensationState.COMPENSATION_STATE_IDLE } },
        { state: StepState.STEP_STATE_FAILED, attempts: 1, endTime: at(2), failure: refused },
      ],
    });
    expect(viewOf(...entries)).toMatchObject({
      state: SagaState.SAGA_STATE_ROLLING_BACK,
      ...failure,
      steps: [
        { compensation: { state: CompensationState.COMPENSATION_STATE_CALLING, attempts: 1, startTime: at(3) } },
        {},
      ],
    });
    expect(viewOf(...entries, [undone(0)])).toMatchObject({
      state: SagaState.SAGA_STATE_COMPENSATED,
      ...failure,
      endTime: at(4),
      steps: [
        {
          state: StepState.STEP_STATE_DONE,
          endTime: at(1),
          compensation: { state: CompensationState.COMPENSATION_STATE_DONE, startTime: at(3), endTime: at(4) },
        },
        {},
      ],
    });
  });

  test("when it is stuck, when an operator retries it, and when an operator skips it", () => {
    expect(viewOf(...stuckEntries)).toMatchObject({
      state: SagaState.SAGA_STATE_STUCK,
      failure: refused,
      endTime: undefined,
      steps: [
        {
          failure: undefined,
          compensation: {
            state: CompensationState.COMPENSATION_STATE_STUCK,
            attempts: 3,
            startTime: at(3),
            endTime: undefined,
            failure: lost,
          },
        },
        { failure: refused },
      ],
    });
    const again = viewOf(...stuckEntries, [events.retried(0)]);
    expect(again).toMatchObject({
      state: SagaState.SAGA_STATE_ROLLING_BACK,
      steps: [{ compensation: { state: CompensationState.COMPENSATION_STATE_DUE, attempts: 0 } }, {}],
    });
    const retried = viewOf(...stuckEntries, [events.retried(0), undoCalled(0)], [undone(0)]);
    expect(retried).toMatchObject({
      state: SagaState.SAGA_STATE_COMPENSATED,
      endTime: at(8),
      steps: [
        { compensation: { state: CompensationState.COMPENSATION_STATE_DONE, attempts: 1, failure: undefined } },
        {},
      ],
    });
    expect(viewOf(...stuckEntries, [events.skipped(0)])).toMatchObject({
      state: SagaState.SAGA_STATE_COMPENSATED,
      endTime: at(7),
      steps: [
        { compensation: { state: CompensationState.COMPENSATION_STATE_SKIPPED, endTime: at(7), failure: lost } },
        {},
      ],
    });
  });

  test("after a crash: the outcome of the call in flight is unknown", () => {
    expect(viewOf([started, called(0)], [events.recovered])).toMatchObject({
      state: SagaState.SAGA_STATE_ROLLING_BACK,
      failure: { code: Status.UNAVAILABLE, reason: "SAGA_INTERRUPTED" },
      failedStep: "a",
      steps: [{ state: StepState.STEP_STATE_UNKNOWN, endTime: at(1) }, { state: StepState.STEP_STATE_IDLE }],
    });
  });

  test("after its deadline: with a failure that has no step if none ran", () => {
    const late = viewOf([started, called(0)], [events.late]);
    expect(late).toMatchObject({ failure: { reason: "SAGA_DEADLINE_EXCEEDED" }, failedStep: "a" });
    const noResponse = viewOf([started, called(0)], [succeeded(0), called(1)], [succeeded(1), events.notResponded]);
    expect(noResponse).toMatchObject({ state: SagaState.SAGA_STATE_ROLLING_BACK, failedStep: "" });
    expect(noResponse.failure?.code).toBe(Status.INTERNAL);
  });

  test("after its pivot without a response: completed, with the failure", () => {
    const pivotal = facadeOf({ steps: { a: { kind: "pivot" } } });
    const stored = storedSaga(pivotal, [started, called(0)], [succeeded(0), events.notResponded]);
    const saga = overTheWire(sagaView(stored, pivotal));
    expect(saga).toMatchObject({ state: SagaState.SAGA_STATE_COMPLETED, endTime: at(1), response: undefined });
    expect(saga.failure?.code).toBe(Status.INTERNAL);
    expect(saga.steps[0]?.compensation, "a pivot has none").toBeUndefined();
  });

  test("of an async facade: the response appears after the saga has completed", () => {
    const later = facadeOf({ mode: "async", steps: { a: {} } });
    const entries = [[started, events.responded], [events.arrived(0), called(0)], [succeeded(0)]];
    const views = [1, 2, 3].map((n) => sagaView(storedSaga(later, ...entries.slice(0, n)), later));
    expect(views.map(({ state }) => state)).toEqual([
      SagaState.SAGA_STATE_RUNNING,
      SagaState.SAGA_STATE_RUNNING,
      SagaState.SAGA_STATE_COMPLETED,
    ]);
    expect(views.map(({ response }) => response?.value)).toEqual([undefined, undefined, Uint8Array.of(42)]);
  });

  test("with a deadline beyond the maximum of Timestamp: without the deadline", () => {
    expect(viewOf([{ ...started, deadlineAtMs: 8.64e15 }]).deadline).toBeUndefined();
  });
});
