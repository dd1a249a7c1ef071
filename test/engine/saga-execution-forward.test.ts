import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { fromBytes } from "./support/codec.js";
import { facadeOf, quick } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();

test("each step sees the results of the groups before it, and the answer sees all results", async () => {
  const place = createPlace(scope);
  const steps = { a: {}, b: { group: 1 }, c: { group: 1 }, d: { group: 2, kind: "read" } } as const;
  for (const name of Object.keys(steps)) {
    place.upstreams.always(`/${name}`, ok({ is: name }));
  }
  const { ask } = await place.start({ facades: [facadeOf({ steps })] });
  expect(await ask("s", { request: { wish: 1 } })).toEqual({
    ok: true,
    response: { a: { is: "a" }, b: { is: "b" }, c: { is: "c" }, d: { is: "d" } },
  });
  const [a, b, c, d] = place.upstreams.calls.map(({ message }) => message);
  expect(a).toEqual({ request: { wish: 1 }, results: {} });
  expect([b, c], "b and c run in parallel and know only of a").toEqual([
    { request: { wish: 1 }, results: { a: { is: "a" } } },
    { request: { wish: 1 }, results: { a: { is: "a" } } },
  ]);
  expect(d).toMatchObject({ results: { b: { is: "b" }, c: { is: "c" } } });
  expect(place.saga("s")).toMatchObject({ phase: "completed" });
});

test("the calls of a parallel group are in flight at once, and the next group waits for all of them", async () => {
  const place = createPlace(scope);
  const [b, c] = [place.upstreams.hold("/b"), place.upstreams.hold("/c")];
  const { ask } = await place.start({
    facades: [facadeOf({ steps: { b: { group: 0 }, c: { group: 0 }, d: { group: 1 } } })],
  });
  const answer = ask("s");
  await Promise.all([b.arrived, c.arrived]);
  c.answer(ok({}));
  const { story } = await place.reaches("s", "open");
  expect(story).not.toContain("stepSucceeded 0");
  expect(place.upstreams.callsOf("/d")).toEqual([]);
  b.answer(ok({}));
  expect(await answer).toMatchObject({ ok: true });
  expect(place.upstreams.paths()).toEqual(["/b", "/c", "/d"]);
});

describe("an outcome that is unknown", () => {
  const unknown = [
    "DEADLINE_EXCEEDED",
    "UNAVAILABLE",
    "CANCELLED",
    "UNKNOWN",
    "INTERNAL",
    "DATA_LOSS",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
  ] as const;

  test.each(unknown)("%s: retried with the same key and the same bytes", async (status) => {
    const place = createPlace(scope);
    let built = 0;
    const node = { request: () => ({ built: ++built }) };
    place.upstreams.plan("/a", failing(status), failing(status));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: { node } } })] });
    expect(await ask("s")).toMatchObject({ ok: true });
    const calls = place.upstreams.callsOf("/a");
    expect(calls.map(({ idempotencyKey, sagaId }) => [idempotencyKey, sagaId])).toEqual(Array(3).fill(["s/a", "s"]));
    expect(calls.map(({ body }) => fromBytes(body))).toEqual(Array(3).fill({ built: 1 }));
  });

  test("attempts of each step and of each compensation are counted separately", async () => {
    const place = createPlace(scope);
    const twice = { ...quick, maxAttempts: 2 };
    const four = { ...quick, maxAttempts: 4 };
    const steps = { a: { retry: twice, undo: { retry: four } }, b: { retry: quick, undo: { retry: twice } } };
    place.upstreams.plan("/a", failing("UNAVAILABLE"));
    place.upstreams.always("/b", failing("UNAVAILABLE", "gone"));
    place.upstreams.plan("/b/undo", failing("INTERNAL"));
    place.upstreams.plan("/a/undo", failing("INTERNAL"), failing("PERMISSION_DENIED"), failing("ABORTED"));
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    expect(await ask("s")).toMatchObject({ ok: false, status: "UNAVAILABLE", message: "gone", step: "b" });
    const { events } = await place.reaches("s", "compensated");
    const attempts = events.flatMap(({ kind }) =>
      kind !== undefined && "attempt" in kind.value ? [`${kind.$case} ${kind.value.step}: ${kind.value.attempt}`] : [],
    );
    expect(attempts).toEqual([
      ...["stepCalled 0: 1", "stepCalled 0: 2"],
      ...["stepCalled 1: 1", "stepCalled 1: 2", "stepCalled 1: 3"],
      ...["compensationCalled 1: 1", "compensationCalled 1: 2"],
      ...[1, 2, 3, 4].map((attempt) => `compensationCalled 0: ${attempt}`),
    ]);
    const keys = place.upstreams.calls.map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys)).toEqual(new Set(["s/a", "s/b", "s/b/compensate", "s/a/compensate"]));
  });

  test("of a step that is not idempotent is not retried", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/a", failing("UNAVAILABLE"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: { idempotent: false } } })] });
    expect(await ask("s")).toMatchObject({ ok: false, status: "UNAVAILABLE" });
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/a/undo"]);
  });
});

test("a retry delay is random, below a bound that grows up to its cap", async () => {
  const place = createPlace(scope);
  const bounds: number[] = [];
  const retry = { maxAttempts: 6, initialBackoffMs: 100, maxBackoffMs: 500, multiplier: 2 };
  place.upstreams.plan("/a", ...Array(5).fill(failing("UNAVAILABLE")));
  const clock = {
    now: Date.now,
    random: () => 0.5,
    after: (ms: number, action: () => void) => {
      if (ms < 1_000) {
        bounds.push(ms);
        setImmediate(action);
      }
      return () => {};
    },
  };
  const { ask } = await place.start({ facades: [facadeOf({ steps: { a: { retry } } })], clock });
  expect(await ask("s")).toMatchObject({ ok: true });
  expect(bounds).toEqual([50, 100, 200, 250, 250]);
});
