import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });
const other = facadeOf({ name: "test.Service/Other", steps: { a: {} } });
const facades = [facade, other];

describe("the same request id", () => {
  test("joins the saga that runs", async () => {
    const place = createPlace(scope);
    const a = place.upstreams.hold("/a");
    const { ask } = await place.start({ facades });
    const asked = Array.from({ length: 5 }, () => ask("s", { request: { wish: 1 } }));
    await a.arrived;
    asked.push(ask("s", { request: { wish: 1 } }));
    a.answer(ok({ id: 1 }));
    const answers = await Promise.all(asked);
    expect(answers).toEqual(Array(6).fill({ ok: true, response: { a: { id: 1 }, b: { from: "/b" } } }));
    expect(place.upstreams.paths()).toEqual(["/a", "/b"]);
  });

  test.each([true, false])("gets the recorded answer, also after a restart (success: %s)", async (success) => {
    const place = createPlace(scope);
    place.upstreams.plan("/b", success ? ok({ id: 2 }) : failing("OUT_OF_RANGE", "too much"));
    const first = await place.start({ facades });
    const answer = await first.ask("s", { request: { wish: 1 } });
    expect(answer.ok).toBe(success);
    await place.reaches("s", success ? "completed" : "compensated");
    const calls = place.upstreams.calls.length;
    expect(await first.ask("s", { request: { wish: 1 } })).toEqual(answer);
    await first.stop();
    const second = await place.start({ facades });
    expect(await second.ask("s", { request: { wish: 1 } })).toEqual(answer);
    expect(place.upstreams.calls).toHaveLength(calls);
  });

  test("gets the failure while the rollback still runs", async () => {
    const place = createPlace(scope);
    place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
    const undo = place.upstreams.hold("/a/undo");
    const { ask } = await place.start({ facades });
    const answer = await ask("s");
    await undo.arrived;
    expect(await ask("s")).toEqual(answer);
    undo.answer(ok({}));
    await place.reaches("s", "compensated");
  });

  test("with another payload or for another facade is refused, running or ended", async () => {
    const place = createPlace(scope);
    const a = place.upstreams.hold("/a");
    const { ask } = await place.start({ facades });
    const answer = ask("s", { request: { wish: 1 } });
    await a.arrived;
    const taken = { code: "SAGA_REQUEST_ID_TAKEN" };
    const refusals = async () => {
      await expect(ask("s", { request: { wish: 2 } })).rejects.toMatchObject(taken);
      await expect(ask("s", { request: { wish: 1 }, facade: other })).rejects.toMatchObject(taken);
    };
    await refusals();
    a.answer(ok({}));
    expect(await answer).toMatchObject({ ok: true });
    await refusals();
    expect(place.upstreams.paths()).toEqual(["/a", "/b"]);
    expect(place.saga("s")?.phase).toBe("completed");
  });

  test("joins the saga if the request has other bytes and the same meaning", async () => {
    const place = createPlace(scope);
    const [one, same] = ['{"x":1,"y":2}', '{ "y": 2, "x": 1 }'].map((text) => new TextEncoder().encode(text));
    const a = place.upstreams.hold("/a");
    const { ask } = await place.start({ facades });
    const asked = [ask("s", { bytes: one ?? new Uint8Array() })];
    await a.arrived;
    asked.push(ask("s", { bytes: same ?? new Uint8Array() }));
    a.answer(ok({}));
    const [first, second] = await Promise.all(asked);
    expect(second).toEqual(first);
    expect(await ask("s", { bytes: same ?? new Uint8Array() })).toEqual(first);
    expect(place.upstreams.paths()).toEqual(["/a", "/b"]);
  });

  test("another request at the same moment does not disturb the right one", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades });
    const answer = await ask("s", { request: { wish: 1 } });
    // Both find nothing running; whose the id is stands in the journal alone.
    const [wrong, right] = await Promise.allSettled([
      ask("s", { request: { wish: 2 } }),
      ask("s", { request: { wish: 1 } }),
    ]);
    expect(wrong).toMatchObject({ status: "rejected", reason: { code: "SAGA_REQUEST_ID_TAKEN" } });
    expect(right).toEqual({ status: "fulfilled", value: answer });
  });

  test("another request writes nothing into the saga", async () => {
    const place = createPlace(scope);
    let slow = false;
    // Refused at once, the first saga is one entry long; the second one's first two come close together.
    const request = () => {
      if (slow) {
        return Promise.resolve({});
      }
      throw new Error("no");
    };
    const node = { request };
    const mine = facadeOf({ steps: { a: { node } } });
    const { ask } = await place.start({ facades: [mine] });
    await ask("s");
    const before = await place.reaches("s", "compensated");
    slow = true;
    await expect(ask("s", { request: { wish: 2 } })).rejects.toMatchObject({ code: "SAGA_REQUEST_ID_TAKEN" });
    // After the whole run of another saga, all entries of this one are in the file.
    await ask("t");
    expect(place.saga("s")?.story).toEqual(before.story);
  });
});

test("sagas with different request ids do not disturb each other", async () => {
  const place = createPlace(scope);
  const { ask } = await place.start({ facades });
  const ids = Array.from({ length: 50 }, (_, at) => `s${at}`);
  const answers = await Promise.all(ids.map((id) => ask(id, { request: { id } })));
  expect(answers.every(({ ok: success }) => success)).toBe(true);
  expect(new Set(place.upstreams.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(100);
  await until(() => ids.every((id) => place.saga(id)?.phase === "completed"));
});
