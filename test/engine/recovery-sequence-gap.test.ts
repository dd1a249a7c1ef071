import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });

/** A journal that has an entry with a number already, and does not show it: the one before it is missing. */
function withGap(number: number) {
  let refused = 0;
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      async append(entry) {
        if (entry.seq >= number) {
          refused++;
          throw new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${entry.sagaId} has an entry ${entry.seq} already`);
        }
        return journal.append(entry);
      },
    });
  return { wrap, refused: () => refused };
}

test("a saga with a sequence gap is parked, and its client gets the error", async () => {
  const place = createPlace(scope);
  const journal = withGap(2);
  const { ask, journal: store } = await place.start({ facades: [facade], wrap: journal.wrap });
  await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_CORRUPT", retriable: false });
  await until(() => place.said.some((text) => text.includes("saga parked")), { what: "the saga to be parked" });
  expect(journal.refused()).toBe(1);
  expect((await store.load("s"))?.phase).toBe("open");
  expect(await ask("other").catch(({ code }) => code), "each saga alone").toBe("SAGA_JOURNAL_CORRUPT");
});

test("a saga that has a sequence gap at the start is parked: no call leaves, and nothing retries it", async () => {
  const place = createPlace(scope);
  const first = await place.start({ facades: [facade] });
  const held = place.upstreams.hold("/b");
  first.ask("s").catch(() => {});
  await held.arrived;
  await first.stop();
  const calls = place.upstreams.calls.length;
  const journal = withGap(2);
  const { ask } = await place.start({ facades: [facade], wrap: journal.wrap });
  await until(() => place.said.some((text) => text.includes("saga parked")), { what: "the saga to be parked" });
  expect(journal.refused()).toBe(1);
  await expect(ask("s")).rejects.toMatchObject({ code: "SAGA_JOURNAL_CORRUPT" });
  expect(journal.refused()).toBe(1);
  expect(place.upstreams.calls).toHaveLength(calls);
});
