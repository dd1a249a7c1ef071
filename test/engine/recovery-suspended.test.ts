import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { hastyClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const refusal = new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the disk said no");

/** A journal that refuses the next entry on demand. */
function refusingDisk() {
  let refuse = false;
  return {
    refuseNext(): void {
      refuse = true;
    },
    wrap: (journal: Journal): Journal =>
      overriding(journal, {
        append(entry) {
          if (refuse) {
            refuse = false;
            return Promise.reject(refusal);
          }
          return journal.append(entry);
        },
      }),
  };
}

/** A promise that the test resolves. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

test.each([
  { of: "that may be repeated", idempotent: true, first: "/a", next: "/b", ends: "completed" },
  { of: "that may not be repeated", idempotent: false, first: "/a/undo", next: "/b/undo", ends: "compensated" },
])("a suspended saga is recovered once its call in flight, of a step $of, has ended", async (spec) => {
  const { idempotent, first, next, ends } = spec;
  const place = createPlace(scope);
  const facade = facadeOf({
    steps: { a: { group: 0 }, b: { group: 0, idempotent } },
    mode: "async",
    recovery: "carry-on",
  });
  const disk = refusingDisk();
  const held = place.upstreams.hold("/b");
  place.upstreams.plan("/a", async () => {
    await held.arrived;
    disk.refuseNext();
    return ok({});
  });
  const { ask } = await place.start({ facades: [facade], wrap: disk.wrap });
  await ask("s");
  await until(() => place.said.some((text) => text.includes("saga suspended")));
  const calls = (path: string) => place.upstreams.callsOf(path).length;
  await new Promise((resolve) => hastyClock.after(1_000, () => resolve(undefined))); // When recovery is first tried.
  await new Promise(setImmediate);
  expect(calls(first)).toBe(first === "/a" ? 1 : 0);
  expect(calls(next)).toBe(next === "/b" ? 1 : 0);
  held.answer(ok({}));
  await place.reaches("s", ends);
  expect(calls(first)).toBe(first === "/a" ? 2 : 1);
  expect(calls(next)).toBe(next === "/b" ? 2 : 1);
});

test("a saga is recovered after a restart though a client asks for it at the same moment", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { a: {}, b: {} } });
  place.upstreams.always("/b", failing("FAILED_PRECONDITION"));
  const held = place.upstreams.hold("/a/undo");
  const before = await place.start({ facades: [facade] });
  await before.ask("s");
  await held.arrived;
  await before.stop();

  const [loads, creates] = [gate(), gate()];
  let asked = false;
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      async load(sagaId) {
        await loads.opened;
        const stored = await journal.load(sagaId);
        creates.open(); // Once recovery has read the saga.
        return stored;
      },
      async create(saga) {
        asked = true;
        await creates.opened;
        return journal.create(saga);
      },
    });
  const after = await place.start({ facades: [facade], wrap });
  const told = after.ask("s");
  await until(() => asked);
  loads.open();
  expect(await told).toMatchObject({ ok: false, status: "FAILED_PRECONDITION" });
  await place.reaches("s", "compensated");
});

test("a suspended saga is recovered though a client asks for it at the same moment", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { a: {}, b: {} } });
  place.upstreams.always("/b", failing("FAILED_PRECONDITION"));
  const disk = refusingDisk();
  const [read, made] = [gate(), gate()];
  let loading = false;
  const wrap = (journal: Journal): Journal =>
    overriding(disk.wrap(journal), {
      async load(sagaId) {
        if (!loading) {
          loading = true;
          await read.opened;
          const stored = await journal.load(sagaId);
          setImmediate(made.open); // Once recovery has seen the saga.
          return stored;
        }
        return journal.load(sagaId);
      },
      async create(saga) {
        if (loading) {
          read.open();
          await made.opened;
        }
        return journal.create(saga);
      },
    });
  place.upstreams.plan("/a/undo", () => {
    disk.refuseNext();
    return ok({});
  });
  const { ask } = await place.start({ facades: [facade], wrap });
  const told = await ask("s");
  await until(() => loading);
  expect(await ask("s")).toEqual(told);
  await place.reaches("s", "compensated");
});
