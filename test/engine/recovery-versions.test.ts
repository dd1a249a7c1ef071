import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";

const scope = createScope();
const old = facadeOf({ mode: "async", recovery: "carry-on", respond: () => ({}), steps: { a: {}, b: {} } });
const changed = facadeOf({
  mode: "async",
  recovery: "carry-on",
  respond: () => ({}),
  fingerprint: "f2",
  steps: { b: {}, a: {} },
});

describe("sagas that the code of the next start can't run", () => {
  test("are reported once and together, are not run, and continue when their code is back", async () => {
    const place = createPlace(scope);
    const first = await place.start({ facades: [old] });
    const ids = Array.from({ length: 12 }, (_, n) => `s${n}`);
    const held = ids.map(() => place.upstreams.hold("/b"));
    for (const [n, id] of ids.entries()) {
      await first.ask(id);
      await held[n]?.arrived;
    }
    await first.stop();
    const before = ids.map((id) => place.saga(id));
    const calls = place.upstreams.calls.length;
    expect(place.said).toEqual([]);

    const other = await place.start({ facades: [changed] });
    expect(place.said).toEqual([
      "12 sagas have a structure that this server does not have, and are parked: run the previous version until they have ended, then this one",
    ]);
    expect(place.told[0]).toEqual({
      code: "SAGA_STRUCTURE_CHANGED",
      structures: [
        {
          facade: "test.Service/Run",
          fingerprint: "f1",
          here: "f2",
          open: 12,
          stuck: 0,
          oldest: expect.stringMatching(/^20.*Z$/),
          sagas: ["s0", "s1", "s2", "s3", "s4"],
        },
      ],
    });
    expect(await other.ask("new"), "new ones run").toMatchObject({ ok: true });
    await place.reaches("new", "completed");
    await other.stop();
    expect(
      ids.map((id) => place.saga(id)),
      "not a word was added",
    ).toEqual(before);
    expect(place.upstreams.calls.slice(calls).map(({ sagaId }) => sagaId)).toEqual(["new", "new"]);

    await place.start({ facades: [old] });
    for (const id of ids) {
      await place.reaches(id, "completed");
      const paths = place.upstreams.calls.filter(({ sagaId }) => sagaId === id).map(({ path }) => path);
      expect(paths, "b was in flight when it stopped").toEqual(["/a", "/b", "/b"]);
    }
  });

  test("nothing is logged if the code can run all sagas", async () => {
    const place = createPlace(scope);
    const { arrived } = place.upstreams.hold("/b");
    const first = await place.start({ facades: [old] });
    await first.ask("s");
    await arrived;
    await first.stop();
    await place.start({ facades: [old, facadeOf({ name: "test.Service/New", steps: { a: {} } })] });
    await place.reaches("s", "completed");
    expect(place.said).toEqual([]);
  });

  test("their messages that a broker kept are acknowledged: their steps do not run, and they are no dead letters", async () => {
    const place = createPlace(scope);
    const { arrived } = place.upstreams.hold("/b");
    const first = await place.start({ facades: [old] });
    await first.ask("s");
    await arrived;
    await first.stop();
    const before = place.saga("s");

    const other = await place.start({ facades: [changed] });
    // As the old server wrote it: topic b was that of step 1, and is that of step 0 now.
    const body = (id: string) =>
      old.dto.encode({
        requestId: id,
        facade: old.name,
        currentIndex: 1,
        topics: [],
        rollbackTopic: "",
        request: {},
        results: {},
      });
    const topic = "test.Service/Run.b";
    expect(await other.broker.publish([{ topic, key: "s", body: body("s") }])).toBe(true);
    expect(await other.journal.messages.deadLetters(topic)).toEqual([]);
    expect(place.saga("s")).toEqual(before);
    // What only looks like it, still is one.
    await other.broker.publish([{ topic, key: "s", body: body("t") }]);
    await other.broker.publish([{ topic, key: "nobody", body: body("nobody") }]);
    await other.broker.publish([{ topic, key: "s", body: "{" }]);
    expect(await other.journal.messages.deadLetters(topic)).toHaveLength(3);
    await other.stop();
    await place.start({ facades: [old] });
    await place.reaches("s", "completed");
  });
});
