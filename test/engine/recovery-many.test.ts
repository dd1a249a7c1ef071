import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import { systemClock } from "../../runtime/engine/ports.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace, type EngineSpec, type Place, type RunningEngine } from "./support/place.js";
import { failing, ok, type UpstreamStub } from "./support/upstream-stub.js";

const scope = createScope();
const count = 300;
const ids = Array.from({ length: count }, (_, at) => `s${at}`);
const never = () => new Promise<never>(() => {});
const laterRetry = { maxAttempts: 20, initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000, multiplier: 1 };

/** Has a path's calls take some turns of the event loop, and returns the highest number of calls that were in flight at once. */
function gauge(upstreams: UpstreamStub, path: string): () => number {
  let [now, most] = [0, 0];
  upstreams.always(path, async () => {
    most = Math.max(most, ++now);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    now--;
    return ok({});
  });
  return () => most;
}

/** Begins many sagas, stops the engine once they are where they shall be, and has the next one take them up. */
async function restart(
  place: Place,
  spec: EngineSpec,
  arrived: () => boolean,
  then: () => void,
): Promise<RunningEngine> {
  const first = await place.start(spec);
  const asked = ids.map((id) => first.ask(id).catch(() => {}));
  await until(arrived);
  await first.stop();
  await Promise.all(asked);
  then();
  return place.start(spec);
}

/** One after the other: hundreds that look at the file at once would have no time left for the engine. */
async function untilAll(place: Place, phase: string, all = ids): Promise<void> {
  for (const id of all) {
    await place.reaches(id, phase);
  }
}

test("many async sagas make no more calls at once after a restart than their topic's concurrency limit", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ mode: "async", recovery: "carry-on", steps: { a: {}, b: {} } });
  place.upstreams.always("/a", never);
  let most = () => 0;
  await restart(
    place,
    { facades: [facade], concurrencyOf: () => 5 },
    () => place.saga(`s${count - 1}`) !== undefined,
    () => {
      most = gauge(place.upstreams, "/a");
    },
  );
  await untilAll(place, "completed");
  expect(most()).toBe(5);
});

test("many sync sagas past their pivot are recovered a few at a time", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { p: { kind: "pivot" }, z: { kind: "retriable" } } });
  place.upstreams.always("/p", never);
  let most = () => 0;
  await restart(
    place,
    { facades: [facade] },
    () => place.upstreams.callsOf("/p").length === count,
    () => {
      most = gauge(place.upstreams, "/p");
    },
  );
  await untilAll(place, "completed");
  expect(most()).toBe(64);
  expect(place.upstreams.callsOf("/p"), "each once again").toHaveLength(2 * count);
});

test("many sagas in a retry delay of a compensation wait for its rest, and keep no other saga waiting", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { a: { undo: { retry: laterRetry } }, b: {} } });
  place.upstreams.always("/b", failing("INVALID_ARGUMENT", "no"));
  place.upstreams.always("/a/undo", failing("UNAVAILABLE", "out of reach"));
  const endsWith = (event: string) => {
    let at = 0;
    return () => {
      while (place.saga(ids[at] ?? "")?.story.at(-1) === event) at++;
      return at === count;
    };
  };
  const spec = { facades: [facade], clock: { ...systemClock, random: () => 0.9 } };
  await restart(place, spec, endsWith("compensationFailed 0"), () => {});
  await until(endsWith("recovered"));
  expect(place.upstreams.callsOf("/a/undo"), "none is tried again at once").toHaveLength(count);
});

test("sagas in a retry delay keep no other saga from being recovered", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { p: { kind: "pivot", retry: laterRetry } } });
  place.upstreams.always("/p", never);
  const called = (times: number) => () => place.upstreams.callsOf("/p").length === times * count;
  const spec = { facades: [facade], clock: { ...systemClock, random: () => 0.9 } };
  await restart(place, spec, called(1), () => place.upstreams.always("/p", failing("UNAVAILABLE", "out of reach")));
  await until(called(2), { what: "each to be tried once more" });
});

test("a saga that is still in the queue is recovered at once if its client calls", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { p: { kind: "pivot" } } });
  place.upstreams.always("/p", never);
  const { ask } = await restart(
    place,
    { facades: [facade] },
    () => place.upstreams.callsOf("/p").length === count,
    () => {},
  );
  await until(() => place.upstreams.callsOf("/p").length === count + 64);
  const called = new Set(place.upstreams.calls.slice(count).map(({ sagaId }) => sagaId));
  const waiting = ids.find((id) => !called.has(id)) ?? "";
  place.upstreams.always("/p", ok({ at: "last" }));
  expect(await ask(waiting)).toEqual({ ok: true, response: { p: { at: "last" } } });
});

test("a saga that can't be read keeps no other saga from being recovered", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { p: { kind: "pivot" } } });
  place.upstreams.always("/p", never);
  const first = await place.start({ facades: [facade] });
  const asked = ids.map((id) => first.ask(id).catch(() => {}));
  await until(() => place.upstreams.callsOf("/p").length === count);
  await first.stop();
  await Promise.all(asked);
  place.upstreams.always("/p", ok({}));
  const unreadable = (id: string) => {
    if (id === "s7") throw new SagaError("SAGA_JOURNAL_CORRUPT", "damaged");
  };
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      async load(id) {
        unreadable(id);
        return journal.load(id);
      },
      async loadMany(all) {
        all.forEach(unreadable);
        return journal.loadMany(all);
      },
    });
  await place.start({ facades: [facade], wrap });
  await untilAll(
    place,
    "completed",
    ids.filter((id) => id !== "s7"),
  );
  expect(place.saga("s7")?.phase).toBe("open");
  expect(place.said).toEqual(["saga parked: its record in the journal can't be read"]);
});
