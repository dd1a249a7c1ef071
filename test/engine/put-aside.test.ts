import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const refusal = new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the disk said no");

/** A journal that refuses an entry when it is told to. */
function refusingDisk() {
  let refuse = false;
  return {
    refuseNext(): void {
      refuse = true;
    },
    wrap: (journal: Journal): Journal => ({
      ...journal,
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

/** What is waited for until it is opened. */
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
])(
  "a saga that is put aside waits for its call under way, of a step $of",
  async ({ idempotent, first, next, ends }) => {
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
    // It is taken up again, and what does not wait for the other step is called.
    const calls = (path: string) => place.upstreams.callsOf(path).length;
    await until(() => calls(first) === (first === "/a" ? 2 : 1));
    expect(calls(next)).toBe(next === "/b" ? 1 : 0);
    held.answer(ok({}));
    await place.reaches("s", ends);
    expect(calls(next)).toBe(next === "/b" ? 2 : 1);
  },
);

test("a saga is taken up after a restart though a client asks for it in the same moment", async () => {
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
  const wrap = (journal: Journal): Journal => ({
    ...journal,
    async load(sagaId) {
      await loads.opened;
      const stored = await journal.load(sagaId);
      creates.open(); // Once the one that takes the saga up has read it.
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

test("a saga that was put aside is taken up again though a client asks for it in the same moment", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { a: {}, b: {} } });
  place.upstreams.always("/b", failing("FAILED_PRECONDITION"));
  const disk = refusingDisk();
  const [read, made] = [gate(), gate()];
  let loading = false;
  const wrap = (journal: Journal): Journal => ({
    ...disk.wrap(journal),
    async load(sagaId) {
      if (!loading) {
        loading = true;
        await read.opened;
        const stored = await journal.load(sagaId);
        setImmediate(made.open); // Once the one that takes the saga up has seen it.
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
