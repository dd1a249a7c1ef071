import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { SharedJournal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { facadeOf } from "./support/facade.js";
import { createSimulatedServers, type ServerSpec } from "./support/simulated-servers.js";

const facade = facadeOf({ steps: { order: {}, payment: {} } });
const unavailable = new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal can't be reached");

/** A client joins, on another server, a saga that takes a second. @returns what it gets in ten seconds, and when */
async function join(spec: ServerSpec) {
  const { start, pass, network, tables } = createSimulatedServers(facade, { answerMs: 500 });
  const [owner, other] = [await start("owner"), await start("other", spec)];
  const first = owner.ask(facade, { sagaId: "a", request: {} });
  await pass(100);
  const joined = other.ask(facade, { sagaId: "a", request: {} });
  await pass(500);
  expect(joined.answer, "while the saga runs").toBeUndefined();
  await pass(10_000);
  expect(tables.sagas.get("a")?.owner).toBe("owner");
  expect(network.left.map(({ from }) => from.name)).toEqual(["owner", "owner"]);
  return { first, joined };
}

/** A journal whose reads fail while a client waits for another server's saga, the first few of them. */
function failingReads(count: number, watch?: SharedJournal["watch"]) {
  let reads = 0;
  const wrap = (journal: SharedJournal): SharedJournal =>
    overriding(journal, {
      load(sagaId) {
        reads++;
        // The first read finds that the other server has the saga.
        return reads > 1 && reads <= 1 + count ? Promise.reject(unavailable) : journal.load(sagaId);
      },
      ...(watch === undefined ? {} : { watch }),
    });
  return { wrap, reads: () => reads };
}

test("a client gets the answer of a saga that another server runs", async () => {
  const { wrap, reads } = failingReads(0);
  const { first, joined } = await join({ wrap });
  expect(joined.answer).toEqual(first.answer);
  expect(joined.answer).toMatchObject({ ok: true });
  expect(reads(), "the server reads the saga when it changes, and does not poll").toBeLessThan(10);
});

test.each([1, 3])("a client gets it although the first reads of the journal fail: %s", async (failures) => {
  const { wrap, reads } = failingReads(failures);
  const { first, joined } = await join({ wrap });
  expect(joined.error).toBeUndefined();
  expect(joined.answer).toEqual(first.answer);
  expect(joined.answer).toMatchObject({ ok: true });
  expect(reads()).toBeGreaterThan(1 + failures);
});

test("a failed read is retried although the saga does not change any more", async () => {
  const { wrap, reads } = failingReads(2, () => () => {});
  const { first, joined } = await join({ wrap });
  expect(joined.answer).toEqual(first.answer);
  expect(joined.answer).toMatchObject({ ok: true });
  expect(reads(), "one that finds the owner, two that fail, one that finds the answer").toBe(4);
});
