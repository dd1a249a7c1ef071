import { describe, expect, test } from "vitest";
import type { Mode } from "../support/book.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace, type Place } from "./booking.js";
import { allEnded, createPods, leaseMs, type Pod, type Pods } from "./pods.js";

const scope = createScope();
const without = process.env.PG_URL === undefined ? postgresMissing : undefined;
if (without !== undefined) {
  process.stderr.write(`\nSKIPPED, NOT TESTED: servers that take over from others: ${without}\n`);
}

const modes: readonly Mode[] = ["sync", "async", "throttled"];

/** Bookings under way at a pod whose order service does not answer: those of every mode are in the middle. */
async function inTheMiddle(place: Place, pods: Pods, pod: Pod) {
  const [orders] = await place.startUpstreams();
  await pod.book("warm", { mode: "throttled" });
  orders?.child.kill("SIGSTOP");
  const ids = modes.flatMap((mode) => [0, 1, 2].map((n) => ({ id: `${mode}-${n}`, mode })));
  const told = ids.map(({ id, mode }) => pod.book(id, { mode }));
  await until(async () => (await pods.open()) === ids.length, { what: "all to be under way" });
  return { ids, told, goOn: () => orders?.child.kill("SIGCONT") };
}

/** Holds the ledgers against what should be: sync sagas undone, the others done, nothing twice. */
function compare(place: Place, ids: readonly { readonly id: string; readonly mode: Mode }[]): void {
  const { orders, payments } = place.ledgers();
  for (const { id, mode } of ids) {
    const mine = [...orders.entries, ...payments.entries].filter(({ requestId }) => requestId === id);
    const standing = mine.filter(({ status }) => status === "created");
    expect(standing, id).toHaveLength(mode === "sync" ? 0 : 2);
  }
  for (const [key, times] of [...orders.effectsByKey, ...payments.effectsByKey]) {
    expect(times, key).toBe(1);
  }
}

describe.skipIf(without !== undefined)("a server that others have not heard of for a lease", () => {
  test.each([
    ["", 0, 0],
    [", whose clock is half an hour ahead", 0, 1_800_000],
    [", whose clock is half an hour behind", 1_800_000, 0],
  ])("and that is gone for good leaves its sagas to another%s, which ends them", async (_, ofThis, ofOther) => {
    const place = await createPlace(scope);
    const pods = await createPods(scope, place);
    const [a, b] = [await pods.pod("a"), await pods.pod("b")];
    const first = await a.start(ofThis);
    await b.start(ofOther);
    const { ids, told, goOn } = await inTheMiddle(place, pods, a);
    await first.kill9();
    goOn();
    await allEnded(pods);
    await Promise.all(told);
    expect(await pods.owners()).toEqual(
      new Map([
        ["a", 1],
        ["b", ids.length],
      ]),
    );
    compare(place, ids);
    const again = await Promise.all(ids.map(({ id, mode }) => b.book(id, { mode })));
    expect(again.map(({ code }) => code)).toEqual(ids.map(({ mode }) => (mode === "sync" ? 14 : 0)));
  });

  test("and that only stood still writes nothing more over what another has done, and goes on with new sagas", async () => {
    const place = await createPlace(scope);
    const pods = await createPods(scope, place);
    const [a, b] = [await pods.pod("a"), await pods.pod("b")];
    const first = await a.start();
    await b.start();
    const { ids, told, goOn } = await inTheMiddle(place, pods, a);
    first.child.kill("SIGSTOP");
    goOn();
    await until(async () => ((await pods.owners()).get("b") ?? 0) === ids.length, {
      what: "the other to have taken all over",
      timeoutMs: 20 * leaseMs,
    });
    await allEnded(pods);
    first.child.kill("SIGCONT");
    const answers = await Promise.all(told);
    expect(answers.filter(({ code }) => code !== 0 && code !== 14 && code !== 4)).toEqual([]);
    expect(await a.book("new", { mode: "throttled" })).toMatchObject({ code: 0 });
    compare(place, [...ids, { id: "new", mode: "throttled" }]);
  });
});
