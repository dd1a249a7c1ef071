import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { facadeOf, type StepSpec } from "./support/facade.js";
import { createPlace, type RunningEngine } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const steps = { a: {}, b: {}, p: { kind: "pivot" }, y: { kind: "retriable" }, z: { kind: "retriable" } } as const;

/** Stops an engine while a saga of its waits for an upstream. */
async function stopAt(running: RunningEngine, arrived: Promise<unknown>) {
  const answer = running.ask("s", { request: { wish: 1 } }).catch((error: unknown) => error);
  await arrived;
  await running.stop();
  return answer;
}

describe("a sync saga that was interrupted", () => {
  test.each(["a", "b"])("at %s, before its pivot: rolled back, and its client gets the error", async (at) => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps });
    const { arrived } = place.upstreams.hold(`/${at}`);
    const first = await stopAt(await place.start({ facades: [facade] }), arrived);
    expect(first).toMatchObject({ code: "SAGA_DRAINING" });
    const { ask } = await place.start({ facades: [facade] });
    await place.reaches("s", "compensated");
    expect(await ask("s", { request: { wish: 1 } })).toMatchObject({
      ok: false,
      status: "UNAVAILABLE",
      reason: "SAGA_INTERRUPTED",
      step: at,
    });
    const undone = at === "a" ? ["/a/undo"] : ["/b/undo", "/a/undo"];
    expect(place.upstreams.paths()).toEqual([...(at === "a" ? ["/a"] : ["/a", "/b"]), ...undone]);
    expect(place.upstreams.callsOf(`/${at}/undo`)[0]?.message, "nobody knows what it did").toMatchObject({
      received: "undefined",
    });
  });

  test.each(["p", "y", "z"])("at %s, past its pivot or in doubt of it: finished with the same keys", async (at) => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps });
    const { arrived } = place.upstreams.hold(`/${at}`);
    await stopAt(await place.start({ facades: [facade] }), arrived);
    const { ask } = await place.start({ facades: [facade] });
    expect(await ask("s", { request: { wish: 1 } })).toMatchObject({ ok: true, response: { a: { from: "/a" } } });
    expect(place.upstreams.paths().filter((path) => path.endsWith("undo"))).toEqual([]);
    const again = place.upstreams.callsOf(`/${at}`);
    expect(again).toHaveLength(2);
    expect(again[1]).toMatchObject({ idempotencyKey: again[0]?.idempotencyKey, message: again[0]?.message });
  });

  test("during its rollback: the rollback continues, each compensation with its own key", async () => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps: { a: {}, b: {}, c: {} } });
    place.upstreams.plan("/c", failing("OUT_OF_RANGE"));
    const undo = place.upstreams.hold("/a/undo");
    await stopAt(await place.start({ facades: [facade] }), undo.arrived);
    await place.start({ facades: [facade] });
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/b/undo"), "undone before, and known to be").toHaveLength(1);
    const [one, two] = place.upstreams.callsOf("/a/undo");
    expect(two).toMatchObject({ idempotencyKey: one?.idempotencyKey, message: one?.message });
  });

  test("at every call: ends all the same", async () => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps: { a: {}, b: {}, c: {} } });
    place.upstreams.plan("/c", failing("OUT_OF_RANGE"));
    for (const path of ["/b/undo", "/b/undo", "/a/undo", "/a/undo"]) {
      const { arrived } = place.upstreams.hold(path);
      const running = await place.start({ facades: [facade] });
      await stopAt(running, arrived);
    }
    await place.start({ facades: [facade] });
    const { story } = await place.reaches("s", "compensated");
    expect(story.filter((event) => event === "recovered")).toHaveLength(4);
  });
});

describe("carry-on recovery", () => {
  test("calls again with the same key and bytes, and finishes", async () => {
    const place = createPlace(scope);
    let built = 0;
    const b: StepSpec = { node: { request: () => ({ built: ++built }) } };
    const facade = facadeOf({ steps: { a: {}, b }, recovery: "carry-on" });
    const { arrived } = place.upstreams.hold("/b");
    await stopAt(await place.start({ facades: [facade] }), arrived);
    const { ask } = await place.start({ facades: [facade] });
    expect(await ask("s", { request: { wish: 1 } })).toMatchObject({ ok: true });
    expect(place.upstreams.callsOf("/a")).toHaveLength(1);
    expect(place.upstreams.callsOf("/b")).toMatchObject([
      { idempotencyKey: "s/b", message: { built: 1 } },
      { idempotencyKey: "s/b", message: { built: 1 } },
    ]);
  });

  test("of a call that may not be repeated: rolled back", async () => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps: { a: {}, b: { idempotent: false } }, recovery: "carry-on" });
    const { arrived } = place.upstreams.hold("/b");
    await stopAt(await place.start({ facades: [facade] }), arrived);
    await place.start({ facades: [facade] });
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/b")).toHaveLength(1);
  });
});

describe("a saga of another structure", () => {
  test("is parked, and calls with its id get an error; the old structure finishes it", async () => {
    const place = createPlace(scope);
    const old = facadeOf({ steps: { a: {}, b: {} } });
    const changed = facadeOf({ steps: { a: {}, x: {} }, fingerprint: "f2" });
    const { arrived } = place.upstreams.hold("/b");
    await stopAt(await place.start({ facades: [old] }), arrived);
    const before = place.saga("s");

    const second = await place.start({ facades: [changed] });
    await expect(second.ask("s", { request: { wish: 1 } })).rejects.toMatchObject({ code: "SAGA_STRUCTURE_CHANGED" });
    expect(await second.ask("t"), "others run").toMatchObject({ ok: true });
    expect(place.said).toContainEqual(expect.stringContaining("1 saga has a structure that this server does not have"));
    await second.stop();
    expect(place.saga("s"), "not a word was added").toEqual(before);
    expect(place.upstreams.callsOf("/a/undo")).toEqual([]);

    await place.start({ facades: [old] });
    await place.reaches("s", "compensated");
  });

  test("or of a removed facade does not keep the server from starting", async () => {
    const place = createPlace(scope);
    const { arrived } = place.upstreams.hold("/a");
    await stopAt(await place.start({ facades: [facadeOf({ steps: { a: {} } })] }), arrived);
    const other = facadeOf({ name: "test.Service/Other", steps: { a: {} } });
    const { ask } = await place.start({ facades: [other] });
    expect(await ask("t")).toMatchObject({ ok: true });
    expect(place.saga("s")?.phase).toBe("open");
    expect(place.said).toContainEqual(expect.stringContaining("1 saga has a structure that this server does not have"));
  });

  test("still returns its recorded answer", async () => {
    const place = createPlace(scope);
    const first = await place.start({ facades: [facadeOf({ steps: { a: {} } })] });
    const answer = await first.ask("s");
    await first.stop();
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {} }, fingerprint: "f2" })] });
    expect(await ask("s")).toEqual(answer);
  });
});

test("an upstream's answer to a stopped engine changes nothing", async () => {
  const place = createPlace(scope);
  const held = place.upstreams.hold("/a");
  const { ask, engine, journal } = await place.start({ facades: [facadeOf({ steps: { a: {} } })] });
  const answer = ask("s").catch((error: unknown) => error);
  await held.arrived;
  await engine.stop();
  expect(await answer).toMatchObject({ code: "SAGA_DRAINING" });
  held.answer(ok({}));
  await setImmediate();
  // Whatever the engine would have written stands before this in the journal.
  await journal.messages.addDeadLetter({ topic: "later", key: "s", body: "" }, "a write");
  expect(place.saga("s")?.story).toEqual(["started", "stepCalled 0"]);
});
