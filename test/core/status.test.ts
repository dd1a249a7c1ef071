import { describe, expect, test } from "vitest";
import { isOutcomeUnknown, Status, type StatusName, statusName } from "../../runtime/core/status.js";
import { events, planOf, playing, step } from "./saga.js";

/** Whether a call that failed with this status may have taken effect. */
const mayHaveHappened: Readonly<Record<Exclude<StatusName, "OK">, boolean>> = {
  CANCELLED: true,
  UNKNOWN: true,
  INVALID_ARGUMENT: false,
  DEADLINE_EXCEEDED: true,
  NOT_FOUND: false,
  ALREADY_EXISTS: false,
  PERMISSION_DENIED: false,
  RESOURCE_EXHAUSTED: true,
  FAILED_PRECONDITION: false,
  ABORTED: true,
  OUT_OF_RANGE: false,
  UNIMPLEMENTED: false,
  INTERNAL: true,
  UNAVAILABLE: true,
  DATA_LOSS: true,
  UNAUTHENTICATED: false,
};
const table = Object.entries(mayHaveHappened) as [Exclude<StatusName, "OK">, boolean][];

describe("each of the 16 failures", () => {
  test("is in the table", () => {
    expect(table.map(([name]) => Status[name]).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 16 }, (_, n) => n + 1),
    );
  });

  test.each(table)("%s: its outcome is unknown: %s", (name, unknown) => {
    expect(isOutcomeUnknown(Status[name])).toBe(unknown);
  });

  test.each(table)("%s is retried only if its outcome is unknown", (name, unknown) => {
    const saga = playing(planOf([step(0)]), events.called(0));
    const commands = saga.say(events.failed(0, name));
    expect(commands).toEqual(unknown ? ["call 0 #2 <=10"] : []);
    expect(saga.state().phase).toBe(unknown ? "running" : "compensated");
  });

  test.each(table)(
    "%s of a call that is never repeated is compensated only if its outcome is unknown",
    (name, unknown) => {
      const saga = playing(planOf([step(0, "compensatable", { idempotent: false })]), events.called(0));
      expect(saga.say(events.failed(0, name))).toEqual(unknown ? ["queue-rollback"] : []);
      expect(saga.step(0).status).toBe(unknown ? "unknown" : "failed");
      expect(saga.state()).toMatchObject({ failure: { code: Status[name], step: 0 } });
    },
  );
});

test.each([-1, 17, 99])("the outcome of %i, which is no gRPC status, is unknown", (code) => {
  expect(isOutcomeUnknown(code)).toBe(true);
  expect(statusName(code)).toBe("UNKNOWN");
});

test("names are those of gRPC", () => {
  expect(statusName(0)).toBe("OK");
  expect(statusName(16)).toBe("UNAUTHENTICATED");
});
