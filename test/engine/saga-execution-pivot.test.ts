import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const steps = { a: {}, p: { kind: "pivot" }, z: { kind: "retriable" } } as const;

describe("past the pivot", () => {
  test("nothing is compensated: a step that fails is retried until it succeeds, beyond its attempts", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/z", ...Array(8).fill(failing("UNAVAILABLE")), failing("INVALID_ARGUMENT"));
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    expect(await ask("s")).toMatchObject({ ok: true, response: { z: { from: "/z" } } });
    expect(place.upstreams.callsOf("/z")).toHaveLength(10);
    expect(
      place.upstreams.calls.filter(({ retriable }) => retriable).map(({ path }) => path),
      "the upstream is told so",
    ).toEqual(Array(10).fill("/z"));
    expect(place.upstreams.paths().filter((path) => path.endsWith("undo"))).toEqual([]);
  });

  test("the deadline bounds neither the saga nor its calls", async () => {
    const place = createPlace(scope);
    const clock = createManualClock();
    const z = place.upstreams.hold("/z");
    const { ask } = await place.start({ facades: [facadeOf({ steps, deadlineMs: 1_000 })], clock });
    const answer = ask("s");
    expect((await z.arrived).timeoutMs, "the step's own timeout").toBe(5_000);
    clock.advance(10_000);
    z.answer(ok({}));
    expect(await answer).toMatchObject({ ok: true });
    expect(place.saga("s")?.story.at(-1)).toBe("responded");
  });
});

describe("the pivot itself", () => {
  test("refused: all steps before it are compensated", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/p", failing("FAILED_PRECONDITION"));
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    expect(await ask("s")).toMatchObject({ ok: false, status: "FAILED_PRECONDITION", step: "p" });
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/p", "/a/undo"]);
  });

  test("with an unknown outcome: retried until it is known, beyond its attempts", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/p", ...Array(8).fill(failing("UNAVAILABLE")));
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    expect(await ask("s")).toMatchObject({ ok: true });
    expect(place.upstreams.callsOf("/p")).toHaveLength(9);
  });

  test("with an unknown outcome after the deadline: its retry still has the time of a call", async () => {
    const place = createPlace(scope);
    const clock = createManualClock();
    const first = place.upstreams.hold("/p");
    const second = place.upstreams.hold("/p");
    const { ask } = await place.start({
      facades: [facadeOf({ steps, deadlineMs: 1_000 })],
      // A backoff takes no time; deadlines wait for the test.
      clock: { ...clock, after: (ms, action) => clock.after(ms < 100 ? 0 : ms, action) },
    });
    const answer = ask("s");
    expect((await first.arrived).timeoutMs).toBe(1_000);
    clock.advance(1_000);
    first.answer(failing("DEADLINE_EXCEEDED"));
    expect((await second.arrived).timeoutMs, "1 ms would keep it in doubt for ever").toBe(5_000);
    second.answer(ok({}));
    expect(await answer).toMatchObject({ ok: true });
  });

  test("in doubt at a crash: called again with the same key, and the saga completes", async () => {
    const place = createPlace(scope);
    const held = place.upstreams.hold("/p");
    const first = await place.start({ facades: [facadeOf({ steps })] });
    const answer = first.ask("s");
    await held.arrived;
    const [ended] = await Promise.allSettled([answer, first.stop()]);
    expect(ended).toMatchObject({ status: "rejected", reason: { code: "SAGA_DRAINING" } });
    const { ask } = await place.start({ facades: [facadeOf({ steps })] });
    expect(await ask("s")).toMatchObject({ ok: true });
    expect(place.upstreams.callsOf("/p").map(({ idempotencyKey }) => idempotencyKey)).toEqual(["s/p", "s/p"]);
    expect(place.upstreams.callsOf("/a/undo")).toEqual([]);
    await until(() => place.saga("s")?.phase === "completed");
  });
});
