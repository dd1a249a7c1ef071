import { fromBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import { Status } from "../../runtime/core/status.js";
import { sagaView } from "../../runtime/operate/saga-view.js";
import { SagaState } from "../../runtime/pb/saga/v1/service.js";
import { events } from "../core/saga.js";
import { facadeOf } from "../engine/support/facade.js";
import { at, overTheWire, startMs, storedSaga, stuckEntries } from "./support/stored.js";

const facade = facadeOf({ steps: { a: {}, b: {} } });
const refused = { code: Status.INVALID_ARGUMENT, message: "no: INVALID_ARGUMENT", reason: "SAGA_STEP_FAILED" };
const { started, called, succeeded, undone } = events;

describe("the view of a saga that this server can't continue has no steps", () => {
  const running = storedSaga(facade, [{ ...started, deadlineAtMs: startMs + 60_000 }, called(0)], [succeeded(0)]);
  const rollingBack = storedSaga(facade, ...stuckEntries.slice(0, 3));
  const undoneSaga = storedSaga(facade, ...stuckEntries.slice(0, 4), [undone(0)]);
  const completed = storedSaga(
    facade,
    [started, called(0)],
    [succeeded(0), called(1)],
    [succeeded(1), events.responded],
  );
  const changed = facadeOf({ fingerprint: "f2", steps: { other: {} } });

  test.each([
    ["is gone", undefined, "this server has no facade test.Service/Run"],
    ["has another structure", changed, "the structure of test.Service/Run has changed since the saga began"],
  ] as const)("where the facade %s", (_, other, parkedReason) => {
    const view = (stored: typeof running) => overTheWire(sagaView(stored, other));
    const all = { requestId: "s", facade: "test.Service/Run", steps: [], startTime: at(0), parkedReason };
    expect(view(running)).toMatchObject({
      ...all,
      state: SagaState.SAGA_STATE_RUNNING,
      updateTime: at(1),
      endTime: undefined,
      deadline: at(60),
    });
    const failure = { failure: refused, failedStep: "b" };
    expect(view(rollingBack)).toMatchObject({ ...all, ...failure, state: SagaState.SAGA_STATE_ROLLING_BACK });
    expect(view(undoneSaga)).toMatchObject({
      ...all,
      ...failure,
      state: SagaState.SAGA_STATE_COMPENSATED,
      endTime: at(4),
    });
    expect(view(storedSaga(facade, ...stuckEntries))).toMatchObject({ ...all, state: SagaState.SAGA_STATE_STUCK });
    expect(view(completed)).toMatchObject({ ...all, state: SagaState.SAGA_STATE_COMPLETED, endTime: at(2) });
  });

  test("of an async facade: has the failure of the rollback, but not the failed step", () => {
    const async = facadeOf({ mode: "async", steps: { a: {}, b: {} } });
    const { arrived, delivered, failed, late, recovered, responded, undoCalled } = events;
    const begun: readonly (readonly SagaEvent[])[] = [
      [started, responded],
      [arrived(0), called(0)],
      [succeeded(0)],
      [arrived(1), called(1)],
    ];
    const view = (...more: readonly (readonly SagaEvent[])[]) => {
      return overTheWire(sagaView(storedSaga(async, ...begun, ...more), undefined));
    };
    const running = { state: SagaState.SAGA_STATE_RUNNING, failure: undefined, failedStep: "" };
    const turned = { state: SagaState.SAGA_STATE_ROLLING_BACK, failure: refused, failedStep: "" };
    expect(view()).toMatchObject(running);
    expect(view([failed(1, "UNAVAILABLE")]), "it is tried again").toMatchObject(running);
    const refusal = failed(1, "INVALID_ARGUMENT");
    expect(view([refusal])).toMatchObject(turned);
    expect(view([refusal], [delivered, undoCalled(0)])).toMatchObject(turned);
    expect(view([refusal], [delivered, undoCalled(0)], [undone(0)])).toMatchObject({
      ...turned,
      state: SagaState.SAGA_STATE_COMPENSATED,
    });
    expect(view([late], [failed(1, "INVALID_ARGUMENT")]), "the first failure is the reason").toMatchObject({
      ...turned,
      failure: { code: Status.DEADLINE_EXCEEDED, reason: "SAGA_DEADLINE_EXCEEDED" },
    });
    const unsafe = facadeOf({ mode: "async", steps: { a: {}, b: { idempotent: false } } });
    const interrupted = storedSaga(unsafe, ...begun, [recovered], [delivered, undoCalled(1)]);
    expect(sagaView(interrupted, undefined), "recovery has rolled it back").toMatchObject({
      ...turned,
      failure: { code: Status.UNAVAILABLE, reason: "SAGA_INTERRUPTED" },
    });
  });

  test("has the response with the facade's current type, or as bytes", () => {
    expect(sagaView(completed, changed).response).toEqual({
      typeUrl: "type.googleapis.com/test.Response",
      value: Uint8Array.of(42),
    });
    const bare = sagaView(completed, undefined).response;
    expect(bare?.typeUrl).toBe("type.googleapis.com/google.protobuf.BytesValue");
    expect(fromBinary(BytesValueSchema, bare?.value ?? new Uint8Array()).value).toEqual(Uint8Array.of(42));
  });

  test("if a record is damaged, or was written by a newer protosaga", () => {
    const damaged = { ...completed, records: [...completed.records.slice(0, 2), Uint8Array.of(255, 255)] };
    expect(sagaView(damaged, facade)).toMatchObject({
      state: SagaState.SAGA_STATE_COMPLETED,
      steps: [],
      startTime: at(0),
      updateTime: undefined,
      parkedReason: expect.stringContaining("its records can't be read: "),
    });
    // An event whose kind is field 99: { at_ms: 1, events: [{ 99: "" }] }
    const newer = { ...running, records: [...running.records, Uint8Array.of(0x08, 1, 0x12, 3, 0x9a, 0x06, 0)] };
    expect(sagaView(newer, facade)).toMatchObject({
      state: SagaState.SAGA_STATE_RUNNING,
      updateTime: new Date(1),
      parkedReason: expect.stringContaining("newer protosaga"),
    });
  });
});
