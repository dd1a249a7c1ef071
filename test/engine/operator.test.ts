import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace, type Place } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: { group: 1 }, c: { group: 1 }, d: {} } });
const act = { sagaId: "s", step: "b", who: "ann", why: "b was cancelled by hand" };

/** A saga whose step `b` could not be undone. */
async function startStuck(place: Place) {
  place.upstreams.plan("/d", failing("INVALID_ARGUMENT"));
  place.upstreams.plan("/b/undo", ...Array(3).fill(failing("INTERNAL")));
  const running = await place.start({ facades: [facade] });
  await running.ask("s");
  await place.reaches("s", "stuck");
  return running;
}

test("a compensation that used up its attempts is STUCK: parallel ones run, later ones wait", async () => {
  const place = createPlace(scope);
  const { ask, journal } = await startStuck(place);
  expect(place.upstreams.callsOf("/b/undo")).toHaveLength(3);
  expect(place.upstreams.callsOf("/c/undo")).toHaveLength(1);
  expect(place.upstreams.callsOf("/a/undo")).toEqual([]);
  expect(await journal.list("stuck")).toEqual(["s"]);
  await until(() => place.said.some((text) => text.includes("saga stuck")), { what: "the log line" });
  expect(await ask("s"), "the client's answer stays").toMatchObject({ ok: false, step: "d" });
});

describe("an operator", () => {
  test.each([false, true])("retries it, and the journal records who and why (after a restart: %s)", async (restart) => {
    const place = createPlace(scope);
    let running = await startStuck(place);
    if (restart) {
      await running.stop();
      running = await place.start({ facades: [facade] });
      expect(place.saga("s")?.phase, "a restart alone does not touch it").toBe("stuck");
    }
    place.upstreams.plan("/b/undo", failing("INTERNAL"), failing("INTERNAL"), ok({}));
    await running.engine.operator.retry(act);
    expect(place.saga("s")?.story, "the operator is told once it is durable").toContain("operatorRetried 1");
    const { events } = await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/b/undo"), "attempts are counted anew").toHaveLength(6);
    expect(new Set(place.upstreams.callsOf("/b/undo").map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(1);
    expect(events.map(({ kind }) => kind)).toContainEqual({
      $case: "operatorRetried",
      value: { step: 1, who: "ann", why: "b was cancelled by hand" },
    });
  });

  test("skips it, and the journal records who and why", async () => {
    const place = createPlace(scope);
    const { engine } = await startStuck(place);
    await engine.operator.skip(act);
    const { events } = await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/b/undo")).toHaveLength(3);
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(1);
    expect(events.map(({ kind }) => kind)).toContainEqual({
      $case: "operatorSkipped",
      value: { step: 1, who: "ann", why: "b was cancelled by hand" },
    });
  });

  test("retries without success: STUCK again, and a skip still works", async () => {
    const place = createPlace(scope);
    const { engine } = await startStuck(place);
    place.upstreams.plan("/b/undo", ...Array(3).fill(failing("INTERNAL")));
    await engine.operator.retry(act);
    await place.reaches("s", "stuck");
    await engine.operator.skip(act);
    await place.reaches("s", "compensated");
  });

  test("the journal keeps who retried, although the process dies before the retry ends", async () => {
    const place = createPlace(scope);
    const { engine, stop } = await startStuck(place);
    const undo = place.upstreams.hold("/b/undo");
    await engine.operator.retry(act);
    await undo.arrived;
    await stop();
    await place.start({ facades: [facade] });
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/b/undo")).toHaveLength(5);
  });

  test("acts twice at once: the second act gets SAGA_NOT_STUCK", async () => {
    const place = createPlace(scope);
    const { engine } = await startStuck(place);
    const outcomes = await Promise.allSettled([
      engine.operator.skip(act),
      engine.operator.skip({ ...act, who: "bob" }),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "SAGA_NOT_STUCK" } },
    ]);
    const { story } = await place.reaches("s", "compensated");
    expect(story.filter((event) => event === "operatorSkipped 1")).toHaveLength(1);
    expect(place.said.filter((text) => text.includes("put aside"))).toEqual([]);
  });

  test("gets an error if there is nothing to do", async () => {
    const place = createPlace(scope);
    const { engine } = await startStuck(place);
    await expect(engine.operator.skip({ ...act, sagaId: "x" })).rejects.toMatchObject({ code: "SAGA_NOT_FOUND" });
    await expect(engine.operator.skip({ ...act, step: "a" })).rejects.toMatchObject({ code: "SAGA_NOT_STUCK" });
    await expect(engine.operator.retry({ ...act, step: "nope" })).rejects.toMatchObject({ code: "SAGA_NOT_STUCK" });
    expect(place.saga("s")?.phase).toBe("stuck");
  });
});
