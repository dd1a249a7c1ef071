import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const late = { ok: false, status: "DEADLINE_EXCEEDED", reason: "SAGA_DEADLINE_EXCEEDED", step: "b" };

test.each([
  { whose: "the facade's", deadlineMs: 1_000, clientMs: undefined },
  { whose: "the client's", deadlineMs: undefined, clientMs: 1_000 },
  { whose: "the client's, the earlier one,", deadlineMs: 5_000, clientMs: 1_000 },
  { whose: "the facade's, the earlier one,", deadlineMs: 1_000, clientMs: 5_000 },
])("past $whose deadline, what is unfinished is rolled back", async ({ deadlineMs, clientMs }) => {
  const place = createPlace(scope);
  const clock = createManualClock();
  const facade = facadeOf({ steps: { a: {}, b: {} }, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  const b = place.upstreams.hold("/b");
  const { ask } = await place.start({ facades: [facade], clock });
  const answer = ask("s", clientMs === undefined ? {} : { deadlineAtMs: clock.now() + clientMs });
  await b.arrived;
  clock.advance(999);
  expect(place.saga("s")?.answered).toBe(false);
  clock.advance(1);
  expect(await answer).toMatchObject(late);
  b.answer(failing("DEADLINE_EXCEEDED"));
  const { story } = await place.reaches("s", "compensated");
  expect(story).toContain("deadlinePassed");
  expect(place.upstreams.paths()).toEqual(["/a", "/b", "/b/undo", "/a/undo"]);
});

test("an attempt has the smaller of the step's timeout and the time until the deadline", async () => {
  const place = createPlace(scope);
  const clock = createManualClock();
  const facade = facadeOf({ steps: { a: { timeoutMs: 600 }, b: { timeoutMs: 600 } }, deadlineMs: 1_000 });
  place.upstreams.plan("/a", () => {
    clock.advance(700);
    return ok({});
  });
  place.upstreams.plan("/b", () => {
    clock.advance(100);
    return failing("UNAVAILABLE");
  });
  place.upstreams.plan("/b", () => failing("INVALID_ARGUMENT"));
  const running = await place.start({ facades: [facade], clock: { ...clock, after: quickBackoff(clock) } });
  expect(await running.ask("s")).toMatchObject({ ok: false, status: "INVALID_ARGUMENT" });
  await place.reaches("s", "compensated");
  expect(place.upstreams.calls.map(({ path, timeoutMs }) => [path, timeoutMs])).toEqual([
    ["/a", 600],
    ["/b", 300],
    ["/b", 200],
    // Its first attempt's answer was lost: the refusal of the second does not say that the first had no effect.
    ["/b/undo", 5_000],
    ["/a/undo", 5_000],
  ]);
});

/** Waits between attempts take no time. */
function quickBackoff(clock: ReturnType<typeof createManualClock>) {
  return (ms: number, action: () => void) => clock.after(ms <= 1 ? 0 : ms, action);
}

test("a deadline that passes during a retry delay rolls the saga back without that attempt", async () => {
  const place = createPlace(scope);
  const clock = { ...createManualClock(), random: () => 1 };
  const retry = { maxAttempts: 3, initialBackoffMs: 9_000, maxBackoffMs: 9_000, multiplier: 1 };
  const facade = facadeOf({ steps: { a: {}, b: { retry } }, deadlineMs: 1_000 });
  place.upstreams.plan("/b", failing("UNAVAILABLE"));
  const { ask } = await place.start({ facades: [facade], clock });
  const answer = ask("s");
  await until(() => place.saga("s")?.story.includes("stepFailed 1"));
  clock.advance(1_000);
  expect(await answer).toMatchObject(late);
  await place.reaches("s", "compensated");
  clock.advance(60_000);
  expect(place.upstreams.paths()).toEqual(["/a", "/b", "/b/undo", "/a/undo"]);
});

test("a deadline survives a restart", async () => {
  const place = createPlace(scope);
  const clock = createManualClock();
  const facade = facadeOf({ steps: { a: {}, b: {} }, deadlineMs: 1_000, recovery: "carry-on" });
  const b = place.upstreams.hold("/b");
  const first = await place.start({ facades: [facade], clock });
  const answer = first.ask("s");
  await b.arrived;
  const [ended] = await Promise.allSettled([answer, first.stop()]);
  expect(ended).toMatchObject({ status: "rejected", reason: { code: "SAGA_DRAINING" } });
  const again = place.upstreams.hold("/b");
  const { ask } = await place.start({ facades: [facade], clock });
  await again.arrived;
  const joined = ask("s");
  clock.advance(1_000);
  expect(await joined).toMatchObject(late);
  again.answer(ok({}));
  await place.reaches("s", "compensated");
});
