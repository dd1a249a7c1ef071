import { describe, expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { Entry, Journal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });

/** A journal whose n-th write, counted from 1, is refused: before it is stored, or after, as a lost answer is. */
function refusing(refused: readonly number[], { stored = false } = {}) {
  let writes = 0;
  const around = <E extends Entry, Result>(write: (entry: E) => Promise<Result>) => {
    return async (entry: E): Promise<Result> => {
      const mine = ++writes;
      if (!refused.includes(mine)) {
        return write(entry);
      }
      if (stored) {
        await write(entry);
      }
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the disk is full");
    };
  };
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      create: around((entry) => journal.create(entry)),
      append: around((entry) => journal.append(entry)),
    });
  return { wrap, writes: () => writes };
}

test("a journal that refuses the first entry: the client gets an error, no call leaves, and the id may be used again", async () => {
  const place = createPlace(scope);
  const { ask } = await place.start({ facades: [facade], wrap: refusing([1]).wrap });
  await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE", retriable: true });
  expect(place.upstreams.calls).toEqual([]);
  expect(place.saga("s")).toBeUndefined();
  expect(await ask("s")).toMatchObject({ ok: true });
});

describe("a journal that refuses a later write", () => {
  // Writes of a saga whose `b` is refused: started, a's answer, b's refusal with the rollback's delivery, undone.
  const moments = [2, 3, 4].flatMap((write) => [
    { write, stored: false },
    { write, stored: true },
  ]);

  test.each(moments)(
    "entry $write, stored all the same: $stored: the saga is recovered, and rolled back",
    async (moment) => {
      const place = createPlace(scope);
      place.upstreams.always("/b", failing("INVALID_ARGUMENT", "no"));
      const journal = refusing([moment.write], moment);
      const { ask } = await place.start({ facades: [facade], wrap: journal.wrap });
      const first = await ask("s").catch((error: unknown) => error);
      if (moment.write <= 3) {
        expect(first).toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
      } else {
        expect(first, "the answer was durable before").toMatchObject({ status: "INVALID_ARGUMENT" });
      }
      const { story } = await place.reaches("s", "compensated");
      if (!(moment.write === 4 && moment.stored)) {
        expect(story, "the last entry was there after all, so there was nothing left to do").toContain("recovered");
      }
      expect(place.upstreams.callsOf("/a/undo").length).toBeGreaterThanOrEqual(1);
      expect(await ask("s"), "the answer that is recorded").toMatchObject({ ok: false });
      expect(place.upstreams.callsOf("/a")).toHaveLength(1);
    },
  );

  test("the last one: the client gets no success that is not durable, and a later answer is true", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facade], wrap: refusing([3]).wrap });
    await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    await place.reaches("s", "compensated");
    expect(await ask("s")).toMatchObject({ ok: false, status: "UNAVAILABLE", reason: "SAGA_INTERRUPTED" });
    expect(place.upstreams.paths()).toEqual(["/a", "/b", "/b/undo", "/a/undo"]);
  });

  test("many in a row: the saga is recovered until one is stored", async () => {
    const place = createPlace(scope);
    const journal = refusing([2, 3, 4, 5, 6]);
    const { ask } = await place.start({ facades: [facade], wrap: journal.wrap });
    await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    await place.reaches("s", "compensated");
    expect(journal.writes()).toBeGreaterThan(6);
    expect(
      place.said.filter((text) => text.includes("saga suspended")),
      "logged once",
    ).toHaveLength(1);
  });

  test("one while another follows: the saga's entries have no sequence gap", async () => {
    const place = createPlace(scope);
    const [b, c] = [place.upstreams.hold("/b"), place.upstreams.hold("/c")];
    const parallel = facadeOf({ steps: { b: { group: 0 }, c: { group: 0 } } });
    const { ask, stop } = await place.start({ facades: [parallel], wrap: refusing([2]).wrap });
    const answer = ask("s").catch((error: unknown) => error);
    await Promise.all([b.arrived, c.arrived]);
    b.answer(ok({ id: 1 }));
    c.answer(ok({ id: 2 }));
    expect(await answer).toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    await place.reaches("s", "compensated");
    expect(place.said.filter((text) => text.includes("saga suspended"))).toHaveLength(1);
    await stop();
    await place.start({ facades: [parallel] });
    expect(place.saga("s")?.phase).toBe("compensated");
  });

  test("the client of a suspended saga joins it", async () => {
    const place = createPlace(scope);
    const { wrap } = refusing([2]);
    // No clock takes it up again: the client's own call does.
    const clock = { now: Date.now, random: () => 0, after: () => () => {} };
    const { ask } = await place.start({ facades: [facade], wrap, clock });
    await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    expect(await ask("s")).toMatchObject({ ok: false, reason: "SAGA_INTERRUPTED" });
    await until(() => place.saga("s")?.phase === "compensated");
    expect(place.upstreams.callsOf("/a")).toHaveLength(1);
  });
});
