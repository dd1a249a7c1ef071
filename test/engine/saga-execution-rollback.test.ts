import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();

describe("an unknown outcome", () => {
  test("is compensated, with `received` undefined", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/a", ok({ id: 7 }));
    place.upstreams.always("/b", failing("DEADLINE_EXCEEDED"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: {} } })] });
    expect(await ask("s", { request: 1 })).toMatchObject({ ok: false, status: "DEADLINE_EXCEEDED", step: "b" });
    await place.reaches("s", "compensated");
    const [undoB, undoA] = place.upstreams.calls.slice(-2);
    expect(undoB).toMatchObject({
      path: "/b/undo",
      idempotencyKey: "s/b/compensate",
      message: { sent: { request: 1, results: { a: { id: 7 } } }, received: "undefined" },
    });
    expect(undoA).toMatchObject({
      path: "/a/undo",
      idempotencyKey: "s/a/compensate",
      message: { sent: { request: 1, results: {} }, received: { id: 7 } },
    });
  });

  test("is compensated if its compensation returns NOT_FOUND", async () => {
    const place = createPlace(scope);
    place.upstreams.always("/a", failing("UNAVAILABLE"));
    place.upstreams.plan("/a/undo", failing("NOT_FOUND"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {} } })] });
    await ask("s");
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(1);
    expect(place.said, "nothing to look at, so no warning").toEqual([]);
  });

  test("NOT_FOUND of the compensation of a step that is known to be done is a failure", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/b", failing("INVALID_ARGUMENT"));
    place.upstreams.plan("/a/undo", failing("NOT_FOUND"), failing("NOT_FOUND"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: {} } })] });
    await ask("s");
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(3);
  });
});

describe("a definite failure", () => {
  const definite = [
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "FAILED_PRECONDITION",
  ] as const;

  test.each([...definite, "OUT_OF_RANGE", "UNIMPLEMENTED", "UNAUTHENTICATED"] as const)(
    "%s rolls back at once and is not compensated itself",
    async (status) => {
      const place = createPlace(scope);
      place.upstreams.plan("/b", failing(status, "no"));
      const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: {}, c: {} } })] });
      expect(await ask("s")).toEqual({ ok: false, status, message: "no", reason: "SAGA_STEP_FAILED", step: "b" });
      await place.reaches("s", "compensated");
      expect(place.upstreams.paths()).toEqual(["/a", "/b", "/a/undo"]);
    },
  );

  test("is compensated if the step's options ask for it", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/b", failing("INVALID_ARGUMENT"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: { compensateOnFailure: true } } })] });
    await ask("s");
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/b", "/b/undo", "/a/undo"]);
    expect(place.upstreams.callsOf("/b/undo")[0]?.message).toMatchObject({ received: "undefined" });
  });

  test("of the first step: nothing to compensate, no message, and the saga ends at once", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/a", failing("INVALID_ARGUMENT"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {} } })] });
    await ask("s");
    expect(place.saga("s")).toMatchObject({
      phase: "compensated",
      story: ["started", "stepCalled 0", "stepFailed 0"],
    });
  });
});

describe("compensations", () => {
  const steps = {
    a: {},
    read: { group: 1, kind: "read" },
    b: { group: 1 },
    c: { group: 1 },
    d: { group: 2 },
    e: { group: 3 },
  } as const;

  test("run in reverse order, those of parallel steps in parallel; reads have no compensation", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/e", failing("INVALID_ARGUMENT"));
    const held = {
      d: place.upstreams.hold("/d/undo"),
      b: place.upstreams.hold("/b/undo"),
      c: place.upstreams.hold("/c/undo"),
    };
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    await ask("s");
    await held.d.arrived;
    expect(place.upstreams.paths().slice(6), "b and c wait for d").toEqual(["/d/undo"]);
    held.d.answer(ok({}));
    await Promise.all([held.b.arrived, held.c.arrived]);
    held.c.answer(ok({}));
    await until(() => place.saga("s")?.story.includes("compensationSucceeded 3"));
    expect(place.upstreams.callsOf("/a/undo"), "a waits for both").toEqual([]);
    held.b.answer(ok({}));
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths().slice(6)).toEqual(["/d/undo", "/b/undo", "/c/undo", "/a/undo"]);
  });

  test("wait for a parallel call that is in flight, and get its answer", async () => {
    const place = createPlace(scope);
    const slow = place.upstreams.hold("/b");
    place.upstreams.plan("/c", failing("INVALID_ARGUMENT"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: { group: 1 }, c: { group: 1 } } })] });
    expect(await ask("s"), "the client need not wait").toMatchObject({ ok: false, step: "c" });
    await until(() => place.saga("s")?.story.includes("rollbackDelivered"));
    expect(place.upstreams.paths()).toEqual(["/a", "/b", "/c"]);
    slow.answer(ok({ late: true }));
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths().slice(3)).toEqual(["/b/undo", "/a/undo"]);
    expect(place.upstreams.callsOf("/b/undo")[0]?.message).toMatchObject({ received: { late: true } });
  });
});
