import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { Journal, SharedJournal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createManualClock, type ManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace, type EngineSpec } from "./support/place.js";
import { failing } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });
const retentionMs = 3_600_000;

/** Lets time pass until the engine has looked for what it may remove, and has found nothing more. */
async function untilRemoved(clock: ManualClock, looks: readonly number[]): Promise<void> {
  const before = looks.length;
  await until(() => {
    clock.advance(60_000);
    return looks.slice(before).includes(0);
  });
}

/** An engine on a manual clock; counts how many sagas each removal removed. */
async function start(spec: Partial<EngineSpec> = {}) {
  const place = createPlace(scope);
  const clock = createManualClock();
  const looks: number[] = [];
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      async removeEnded(keepMs, limit) {
        const removed = await journal.removeEnded(keepMs, limit);
        looks.push(removed);
        return removed;
      },
    });
  const running = await place.start({ facades: [facade], clock, retentionMs, wrap, ...spec });
  return { place, clock, looks, ...running };
}

describe("a saga that has ended", () => {
  test("is kept for journal.retention_ms; then its id may be used again", async () => {
    const { place, clock, looks, ask } = await start();
    const first = await ask("s", { request: { wish: 1 } });
    clock.advance(retentionMs - 1);
    await untilLooked(clock, looks);
    expect(await ask("s", { request: { wish: 1 } }), "the recorded answer").toEqual(first);
    expect(place.upstreams.callsOf("/a")).toHaveLength(1);

    await untilRemoved(clock, looks);
    expect(place.saga("s")).toBeUndefined();
    expect(await ask("s", { request: { wish: 2 } })).toMatchObject({ ok: true });
    expect(place.upstreams.callsOf("/a"), "it is another saga now").toHaveLength(2);
  });

  test("is kept for ever if retention is not configured", async () => {
    const { place, clock, looks, ask } = await start({ retentionMs: undefined });
    await ask("s");
    for (let day = 0; day < 1_000; day++) {
      clock.advance(24 * 3_600_000);
    }
    await setImmediate();
    expect(looks).toEqual([]);
    expect(clock.pending()).toBe(0);
    expect(place.saga("s")?.phase).toBe("completed");
  });
});

/** Runs the engine's timers once, without letting time pass. */
async function untilLooked(clock: ManualClock, looks: readonly number[]): Promise<void> {
  const before = looks.length;
  clock.fire();
  await until(() => looks.length > before);
}

test("open and STUCK sagas stay, however old they are", async () => {
  const { place, clock, looks, ask } = await start();
  place.upstreams.always("/b", failing("INVALID_ARGUMENT", "no"));
  place.upstreams.always("/a/undo", failing("OUT_OF_RANGE", "never"));
  await ask("stuck one");
  await until(() => {
    clock.advance(1_000);
    return place.saga("stuck one")?.phase === "stuck";
  });
  const held = place.upstreams.hold("/a");
  void ask("open one").catch(() => {});
  await held.arrived;
  place.upstreams.always("/b", { ok: true, body: new TextEncoder().encode("{}") });
  await ask("ended one");

  clock.advance(100 * retentionMs);
  await untilRemoved(clock, looks);
  expect(place.saga("ended one")).toBeUndefined();
  expect(place.saga("stuck one")?.phase).toBe("stuck");
  expect(place.saga("open one")?.phase).toBe("open");
});

test("many sagas are removed a few at a time, with pauses between", async () => {
  const { place, clock, looks, ask } = await start();
  const ids = Array.from({ length: 250 }, (_, at) => `s${at}`);
  await Promise.all(ids.map((id) => ask(id)));
  clock.advance(retentionMs);
  await until(() => looks.length > 0);
  for (const id of ["x", "y", "z"]) {
    await ask(id); // By then another batch would have been durable, too.
  }
  expect(looks, "one batch, and no more before time passes").toHaveLength(1);
  await untilRemoved(clock, looks);
  expect(Math.max(...looks)).toBeLessThanOrEqual(100);
  expect(looks.reduce((sum, removed) => sum + removed)).toBe(250);
  expect(place.saga("z")?.phase).toBe("completed");
  expect(ids.filter((id) => place.saga(id) !== undefined)).toEqual([]);
});

test("a removal that fails is retried, and logged", async () => {
  let refuse = true;
  const looks: number[] = [];
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      async removeEnded(keepMs, limit) {
        if (refuse) {
          throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the disk is full");
        }
        looks.push(await journal.removeEnded(keepMs, limit));
        return looks.at(-1) ?? 0;
      },
    });
  const { place, clock, ask } = await start({ wrap });
  await ask("s");
  clock.advance(2 * retentionMs);
  await until(() => place.said.length > 0);
  expect(place.said).toEqual(["ended sagas can't be removed from the journal now; retrying"]);
  refuse = false;
  await untilRemoved(clock, looks);
  expect(place.saga("s")).toBeUndefined();
});

describe("a stopped engine leaves no timer behind:", () => {
  const wrapShared = (journal: Journal): SharedJournal =>
    overriding<Journal, SharedJournal>(journal, {
      shared: true,
      leaseMs: 15_000,
      clockMs: Date.now,
      takeOver: async () => ({ sagaIds: [], messages: 0 }),
      release: async () => {},
      watch: () => () => {},
      handOver: async () => {},
      onHandOver: () => () => {},
    });

  test.each<readonly [string, Partial<EngineSpec>]>([
    ["on a journal that is not shared", {}],
    ["on one that others share", { wrap: wrapShared }],
  ])("at rest, %s", async (_, spec) => {
    const { clock, stop } = await start(spec);
    expect(clock.pending()).toBeGreaterThan(0);
    await stop();
    expect(clock.pending()).toBe(0);
  });

  test("with sagas in every state: calling, suspended, in a retry delay, with a deadline", async () => {
    const steps = { a: { retry: { maxAttempts: 9, initialBackoffMs: 1_000, maxBackoffMs: 1_000, multiplier: 1 } } };
    const patient = facadeOf({ steps, name: "test.Service/Patient", deadlineMs: 60_000 });
    let refuse = false;
    const clock = createManualClock();
    const wrap = (journal: Journal): Journal =>
      overriding(journal, {
        append: (entry) =>
          refuse && entry.sagaId === "suspended"
            ? Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the disk is full"))
            : journal.append(entry),
      });
    const spec = { facades: [facade, patient], clock: { ...clock, random: () => 0.5 }, wrap };
    const { place, stop, ask } = await start(spec);
    place.upstreams.plan("/a", failing("UNAVAILABLE"));
    const waiting = ask("waiting", { facade: patient }).catch((error: unknown) => error);
    await until(() => place.saga("waiting")?.story.includes("stepFailed 0"));
    const held = place.upstreams.hold("/a");
    const called = ask("called").catch((error: unknown) => error);
    await held.arrived;
    refuse = true;
    expect(await ask("suspended").catch((error: unknown) => error)).toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    await stop();
    expect(clock.pending()).toBe(0);
    expect(await waiting).toMatchObject({ code: "SAGA_DRAINING" });
    expect(await called).toMatchObject({ code: "SAGA_DRAINING" });
    held.answer(failing("UNAVAILABLE"));
    await setImmediate();
    expect(clock.pending(), "nor does an answer that comes late").toBe(0);
  });
});
