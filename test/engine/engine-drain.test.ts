import { expect, test } from "vitest";
import { systemClock } from "../../runtime/engine/ports.js";
import { createScope } from "../support/scope.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });

test("draining: running sagas finish, new ids are refused, running and recorded ones are still served", async () => {
  const place = createPlace(scope);
  const { ask, engine } = await place.start({ facades: [facade], clock: createManualClock() });
  const recorded = await ask("done");
  const b = place.upstreams.hold("/b");
  const running = ask("s");
  await b.arrived;

  let drained: number | undefined;
  const draining = engine.drain(60_000).then((left) => {
    drained = left;
  });
  await expect(ask("new")).rejects.toMatchObject({ code: "SAGA_DRAINING", retriable: true });
  expect(place.saga("new")).toBeUndefined();
  expect(await ask("done")).toEqual(recorded);
  await expect(ask("done", { request: { other: 1 } })).rejects.toMatchObject({ code: "SAGA_DRAINING" });
  const joined = ask("s");
  expect(drained).toBeUndefined();

  b.answer(ok({ id: 2 }));
  expect(await running).toEqual({ ok: true, response: { a: { from: "/a" }, b: { id: 2 } } });
  expect(await joined).toEqual(await running);
  await draining;
  expect(drained).toBe(0);
});

test("draining waits for rollbacks, too", async () => {
  const place = createPlace(scope);
  const { ask, engine } = await place.start({ facades: [facade], clock: systemClock });
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  const undo = place.upstreams.hold("/a/undo");
  await ask("s");
  await undo.arrived;
  const left = engine.drain(60_000);
  undo.answer(ok({}));
  expect(await left).toBe(0);
  expect(place.saga("s")?.phase).toBe("compensated");
});

test("draining ends with the grace period: it returns how many sagas are left, and the next start recovers them", async () => {
  const place = createPlace(scope);
  const clock = createManualClock();
  const { ask, engine, stop } = await place.start({ facades: [facade], clock });
  const held = [place.upstreams.hold("/a"), place.upstreams.hold("/a")];
  const answers = ["s", "t"].map((id) => ask(id).catch((error: unknown) => error));
  await Promise.all(held.map(({ arrived }) => arrived));
  const left = engine.drain(5_000);
  clock.advance(5_000);
  expect(await left).toBe(2);
  await stop();
  for (const answer of answers) {
    expect(await answer).toMatchObject({ code: "SAGA_DRAINING" });
  }
  await place.start({ facades: [facade] });
  await Promise.all(["s", "t"].map((id) => place.reaches(id, "compensated")));
});

test("draining ends at once if no saga runs", async () => {
  const place = createPlace(scope);
  const { engine } = await place.start({ facades: [facade], clock: createManualClock() });
  expect(await engine.drain(60_000)).toBe(0);
});
