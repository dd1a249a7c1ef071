import { describe, expect, test } from "vitest";
import { Rollback, SagaError } from "../../runtime/core/errors.js";
import type { Completion } from "../../runtime/engine/messages.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createManualClock } from "./support/clocks.js";
import { type FacadeSpec, facadeOf, quick } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const asyncFacade = (spec: Partial<FacadeSpec> = {}) =>
  facadeOf({
    steps: { a: {}, b: {} },
    mode: "async",
    recovery: "carry-on",
    respond: ({ sagaId }) => ({ id: sagaId }),
    ...spec,
  });
const facade = asyncFacade();

describe("an async saga", () => {
  test("answers at once, and then runs to its end", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facade] });
    const a = place.upstreams.hold("/a");
    expect(await ask("s")).toEqual({ ok: true, response: { id: "s" } });
    await a.arrived;
    expect(place.saga("s")).toMatchObject({ phase: "open", answered: true });
    a.answer(ok({ n: 1 }));
    await place.reaches("s", "completed");
    expect(place.upstreams.calls.map(({ path, message }) => ({ path, message }))).toEqual([
      { path: "/a", message: { request: {}, results: {} } },
      { path: "/b", message: { request: {}, results: { a: { n: 1 } } } },
    ]);
    expect(await ask("s"), "the same again is the same answer").toEqual({ ok: true, response: { id: "s" } });
    expect(place.upstreams.calls).toHaveLength(2);
  });

  test("that fails is rolled back, and its recorded answer does not change", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facade] });
    place.upstreams.plan("/b", failing("FAILED_PRECONDITION", "sold out"));
    expect(await ask("s")).toMatchObject({ ok: true });
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/b", "/a/undo"]);
    expect(await ask("s")).toMatchObject({ ok: true });
  });

  test("is refused if its response can't be built, and nothing is called", async () => {
    const place = createPlace(scope);
    const refused = asyncFacade({
      respond: () => {
        throw new Rollback("INVALID_ARGUMENT", "no such product");
      },
    });
    const { ask } = await place.start({ facades: [refused] });
    expect(await ask("s")).toMatchObject({ ok: false, status: "INVALID_ARGUMENT", message: "no such product" });
    await place.reaches("s", "compensated");
    expect(place.upstreams.calls).toEqual([]);
  });

  test("is accepted once its response is built", async () => {
    const place = createPlace(scope);
    const slow = asyncFacade({ respond: async () => ({ late: true }) });
    const { ask } = await place.start({ facades: [slow] });
    expect(await ask("s")).toEqual({ ok: true, response: { late: true } });
    await place.reaches("s", "completed");
  });

  test("has the facade's deadline, not its client's", async () => {
    const place = createPlace(scope);
    const clock = createManualClock();
    const { ask } = await place.start({ facades: [asyncFacade({ deadlineMs: 5_000 })], clock });
    const a = place.upstreams.hold("/a");
    await ask("s", { deadlineAtMs: clock.now() + 1_000 });
    await a.arrived;
    clock.advance(2_000);
    expect(place.saga("s")?.story).not.toContain("deadlinePassed");
    clock.advance(4_000);
    a.answer(ok({}));
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/a/undo"]);
  });

  test("retries with a message: the retry delay holds no slot of the topic", async () => {
    const place = createPlace(scope);
    const clock = createManualClock();
    const slow = { ...quick, initialBackoffMs: 1_000, maxBackoffMs: 1_000 };
    const patient = asyncFacade({ steps: { a: { retry: slow } } });
    const { ask } = await place.start({
      facades: [patient],
      clock: { ...clock, random: () => 0.5 },
      concurrencyOf: () => 1,
    });
    place.upstreams.plan("/a", failing("UNAVAILABLE"));
    await ask("s");
    await until(() => place.saga("s")?.story.includes("stepFailed 0"));
    await ask("t");
    await place.reaches("t", "completed");
    expect(place.saga("s")?.phase).toBe("open");
    clock.advance(499);
    expect(place.upstreams.calls).toHaveLength(2);
    clock.advance(1);
    await place.reaches("s", "completed");
    expect(place.upstreams.calls.map(({ sagaId }) => sagaId)).toEqual(["s", "t", "s"]);
  });

  test("runs the steps of a group at the same time, each with its own topic", async () => {
    const place = createPlace(scope);
    const parallel = asyncFacade({ steps: { a: { group: 0 }, b: { group: 0 }, c: { group: 1 } } });
    const { ask } = await place.start({ facades: [parallel] });
    const [a, b] = [place.upstreams.hold("/a"), place.upstreams.hold("/b")];
    await ask("s");
    await Promise.all([a.arrived, b.arrived]);
    b.answer(ok({}));
    a.answer(ok({}));
    await place.reaches("s", "completed");
    expect(place.upstreams.paths().at(-1)).toBe("/c");
  });

  test("with a step that is refused while a parallel one is in flight: the parallel one ends first, then it is compensated", async () => {
    const place = createPlace(scope);
    const parallel = asyncFacade({ steps: { a: { group: 0 }, b: { group: 0 } } });
    const { ask } = await place.start({ facades: [parallel] });
    const a = place.upstreams.hold("/a");
    place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
    await ask("s");
    await a.arrived;
    a.answer(ok({ n: 1 }));
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/a/undo")).toMatchObject([{ message: { received: { n: 1 } } }]);
  });
});

describe("a topic", () => {
  test("has no more messages handled at the same time than its concurrency limit", async () => {
    const place = createPlace(scope);
    let now = 0;
    let most = 0;
    place.upstreams.always("/a", async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return ok({});
    });
    const { ask } = await place.start({ facades: [facade], concurrencyOf: (topic) => (topic.endsWith("a") ? 3 : 64) });
    const ids = Array.from({ length: 50 }, (_, i) => `s${i}`);
    await Promise.all(ids.map((id) => ask(id)));
    for (const id of ids) {
      await place.reaches(id, "completed");
    }
    expect(most).toBe(3);
    expect(place.upstreams.calls).toHaveLength(100);
  });
});

describe("a crash", () => {
  test("before a message is delivered: the next process publishes it again", async () => {
    const place = createPlace(scope);
    const first = await place.start({ facades: [facade], concurrencyOf: () => 1 });
    const held = place.upstreams.hold("/a");
    await first.ask("s0");
    await held.arrived;
    for (let i = 1; i < 20; i++) {
      expect(await first.ask(`s${i}`)).toMatchObject({ ok: true });
    }
    await first.stop();
    await place.start({ facades: [facade], concurrencyOf: () => 1 });
    for (let i = 0; i < 20; i++) {
      await place.reaches(`s${i}`, "completed");
    }
    expect(place.upstreams.callsOf("/a"), "the one that was under way is called again").toHaveLength(21);
    expect(place.upstreams.callsOf("/b")).toHaveLength(20);
  });

  test("before the client gets its answer: the saga continues, and a repeated call gets the answer", async () => {
    const place = createPlace(scope);
    const never = asyncFacade({ respond: () => new Promise(() => {}) });
    const first = await place.start({ facades: [never], clock: systemClock });
    const asked = first.ask("s").catch((error: unknown) => error);
    await place.reaches("s", "open");
    await first.stop();
    expect(await asked).toMatchObject({ code: "SAGA_DRAINING" });
    const second = await place.start({ facades: [facade] });
    expect(await second.ask("s")).toEqual({ ok: true, response: { id: "s" } });
    await place.reaches("s", "completed");
  });

  test("in a rollback: the next process finishes it", async () => {
    const place = createPlace(scope);
    const first = await place.start({ facades: [facade] });
    place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
    const undo = place.upstreams.hold("/a/undo");
    await first.ask("s");
    await undo.arrived;
    await first.stop();
    await place.start({ facades: [facade] });
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(2);
  });
});

describe("the completion topic", () => {
  test("gets one message for each saga, however it ends", async () => {
    const place = createPlace(scope);
    const told: Completion[] = [];
    const handler = async ({ body }: { body: string }) => void told.push(JSON.parse(body));
    const { ask, journal } = await place.start({ facades: [facade], completion: { topic: "done", handler } });
    place.upstreams.plan("/b", ok({}), failing("OUT_OF_RANGE", "no"));
    await ask("s");
    await place.reaches("s", "completed");
    await ask("t");
    await place.reaches("t", "compensated");
    await until(async () => (await journal.messages.pending()).length === 0);
    expect(told).toEqual([
      { request_id: "s", facade: facade.name, state: "COMPLETED", response: { id: "s" } },
      {
        request_id: "t",
        facade: facade.name,
        state: "COMPENSATED",
        failure: { status: "OUT_OF_RANGE", message: "no", reason: "SAGA_STEP_FAILED", step: "b" },
      },
    ]);
  });

  test("gets the end without the response if the response is larger than the broker accepts", async () => {
    const place = createPlace(scope);
    const told: unknown[] = [];
    const handler = async ({ body }: { body: string }) => void told.push(JSON.parse(body));
    const end = { request_id: "s", facade: facade.name, state: "COMPLETED" };
    const maxBodyBytes = JSON.stringify(end).length;
    const { ask } = await place.start({ facades: [facade], maxBodyBytes, completion: { topic: "done", handler } });
    await ask("s");
    await until(() => told.length > 0, { what: "the message" });
    expect(told).toEqual([end]);
  });

  test("keeps a message until it is handled, also across a restart", async () => {
    const place = createPlace(scope);
    const fails = { topic: "done", handler: () => Promise.reject(new Error("not now")) };
    const first = await place.start({ facades: [facade], completion: fails });
    await first.ask("s");
    await place.reaches("s", "completed");
    await first.stop();
    const told: string[] = [];
    const handler = async ({ key }: { key: string }) => void told.push(key);
    const { journal } = await place.start({ facades: [facade], completion: { topic: "done", handler } });
    await until(async () => (await journal.messages.pending()).length === 0);
    expect(told).toEqual(["s"]);
  });
});

describe("a full queue", () => {
  const limits = { async: 2, throttled: 2 };

  test("refuses new sagas at once, and nothing else", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facade], limits });
    const first = place.upstreams.hold("/a");
    const second = place.upstreams.hold("/a");
    await ask("s");
    await ask("t");
    await Promise.all([first.arrived, second.arrived]);
    await expect(ask("u")).rejects.toMatchObject({ code: "SAGA_QUEUE_FULL", status: 8, retriable: true });
    expect(place.saga("u")).toBeUndefined();
    expect(await ask("s"), "one that runs is joined").toMatchObject({ ok: true });
    first.answer(ok({}));
    await place.reaches("s", "completed");
    expect(await ask("u")).toMatchObject({ ok: true });
    await expect(ask("v")).rejects.toBeInstanceOf(SagaError);
    expect(await ask("s"), "one that has ended is remembered").toMatchObject({ ok: true });
    second.answer(ok({}));
    await place.reaches("t", "completed");
    await place.reaches("u", "completed");
  });

  test("is full again after a restart", async () => {
    const place = createPlace(scope);
    const first = await place.start({ facades: [facade], limits });
    const [a, b] = [place.upstreams.hold("/a"), place.upstreams.hold("/a")];
    await first.ask("s");
    await first.ask("t");
    await Promise.all([a.arrived, b.arrived]);
    await first.stop();
    place.upstreams.hold("/a");
    const again = place.upstreams.hold("/a");
    const { ask } = await place.start({ facades: [facade], limits });
    await again.arrived;
    await expect(ask("u")).rejects.toMatchObject({ code: "SAGA_QUEUE_FULL" });
  });
});
