import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} }, mode: "throttled", recovery: "carry-on" });

test("the client waits for the end of the saga, and gets its response", async () => {
  const place = createPlace(scope);
  const { ask } = await place.start({ facades: [facade] });
  expect(await ask("s")).toEqual({ ok: true, response: { a: { from: "/a" }, b: { from: "/b" } } });
  expect(place.saga("s")).toMatchObject({ phase: "completed" });
  expect(place.saga("s")?.story).toContain("stepDelivered 1");
});

test("the client gets the error as soon as the rollback is queued", async () => {
  const place = createPlace(scope);
  const { ask } = await place.start({ facades: [facade] });
  place.upstreams.plan("/b", failing("FAILED_PRECONDITION", "sold out"));
  const undo = place.upstreams.hold("/a/undo");
  expect(await ask("s")).toMatchObject({ ok: false, status: "FAILED_PRECONDITION", message: "sold out", step: "b" });
  await undo.arrived;
  undo.answer(ok({}));
  await place.reaches("s", "compensated");
});

test("a client that disconnected, or lost the server, repeats its call and gets the recorded answer", async () => {
  const place = createPlace(scope);
  const first = await place.start({ facades: [facade] });
  const held = place.upstreams.hold("/a");
  const lost = first.ask("s").catch((error: unknown) => error);
  await held.arrived;
  const joined = first.ask("s").catch((error: unknown) => error);
  await first.stop();
  expect(await lost).toMatchObject({ code: "SAGA_DRAINING" });
  expect(await joined).toMatchObject({ code: "SAGA_DRAINING" });
  const second = await place.start({ facades: [facade] });
  const answer = await second.ask("s");
  expect(answer).toMatchObject({ ok: true });
  expect(await second.ask("s")).toEqual(answer);
  expect(place.upstreams.callsOf("/b")).toHaveLength(1);
});

test("the client's deadline bounds it also while it waits for a slot", async () => {
  const place = createPlace(scope);
  const clock = createManualClock();
  const { ask } = await place.start({ facades: [facade], clock, concurrencyOf: () => 1 });
  const held = place.upstreams.hold("/a");
  const first = ask("s");
  await held.arrived;
  const second = ask("t", { deadlineAtMs: clock.now() + 1_000 });
  await place.reaches("t", "open");
  clock.advance(1_000);
  expect(await second).toMatchObject({ ok: false, status: "DEADLINE_EXCEEDED" });
  held.answer(ok({}));
  expect(await first).toMatchObject({ ok: true });
  expect(
    place.upstreams.calls.every(({ sagaId }) => sagaId === "s"),
    "nothing was called for it",
  ).toBe(true);
});

test("a full queue refuses new sagas at once", async () => {
  const place = createPlace(scope);
  const { ask } = await place.start({ facades: [facade], limits: { async: 1, throttled: 1 } });
  const held = place.upstreams.hold("/a");
  const first = ask("s");
  await held.arrived;
  await expect(ask("t")).rejects.toMatchObject({ code: "SAGA_QUEUE_FULL" });
  held.answer(ok({}));
  expect(await first).toMatchObject({ ok: true });
  expect(await ask("t")).toMatchObject({ ok: true });
});
