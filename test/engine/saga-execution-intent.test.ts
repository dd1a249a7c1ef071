import { expect, test } from "vitest";
import type { Entry, Journal } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();

test("when a call arrives, its intent is already in the journal's file", async () => {
  const facade = facadeOf({ steps: { a: {}, b: { group: 1 }, c: { group: 1 }, d: {} } });
  const place = createPlace(scope);
  const seen: string[] = [];
  const look = (mine: string) => () => {
    seen.push(`${mine}: ${place.saga("s")?.story.filter((event) => event === mine).length}`);
    return mine === "stepCalled 3" ? failing("NOT_FOUND") : ok({});
  };
  // The first attempt of `b` fails: its second one must be in the file as well before it leaves.
  place.upstreams.plan("/b", () => {
    seen.push(`stepCalled 1: ${place.saga("s")?.story.filter((event) => event === "stepCalled 1").length}`);
    return failing("UNAVAILABLE");
  });
  ["a", "b", "c", "d"].forEach((name, at) => {
    place.upstreams.always(`/${name}`, look(`stepCalled ${at}`));
    place.upstreams.always(`/${name}/undo`, look(`compensationCalled ${at}`));
  });
  const { ask } = await place.start({ facades: [facade] });
  await ask("s");
  await place.reaches("s", "compensated");

  const [a, b, ...rest] = seen;
  expect([a, b]).toEqual(["stepCalled 0: 1", "stepCalled 1: 1"]);
  expect(rest.sort()).toEqual(
    [
      "stepCalled 2: 1",
      "stepCalled 1: 2",
      "stepCalled 3: 1",
      "compensationCalled 0: 1",
      "compensationCalled 1: 1",
      "compensationCalled 2: 1",
    ].sort(),
  );
});

/** Holds the entries that have an answer until the test releases them; nothing of them is in the file before. */
function holdingAnswers() {
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const held: Entry[] = [];
  const wrap = (journal: Journal): Journal =>
    overriding(journal, {
      append: async (entry) => {
        if (entry.answer !== undefined) {
          held.push(entry);
          await gate;
        }
        return journal.append(entry);
      },
    });
  return { held, letGo: () => letGo(), wrap };
}

test("a client gets a success only once COMPLETED is in the file", async () => {
  const place = createPlace(scope);
  const { held, letGo, wrap } = holdingAnswers();
  const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {} } })], wrap });
  let answered = false;
  const answer = ask("s").finally(() => {
    answered = true;
  });
  await until(() => held.length === 1);
  // A client that joins now waits, too. Its turn of the event loop shows that the first one had its chance to answer.
  const joined = ask("s");
  await until(() => place.saga("s")?.story.includes("stepCalled 0"));
  expect(answered).toBe(false);
  expect(place.saga("s")).toMatchObject({ phase: "open", answered: false });
  letGo();
  expect(await answer).toEqual({ ok: true, response: { a: { from: "/a" } } });
  expect(place.saga("s")).toMatchObject({ phase: "completed", answered: true });
  expect(await joined).toEqual(await answer);
});

test("a client gets a failure as soon as the rollback is queued, and not before", async () => {
  const place = createPlace(scope);
  const { held, letGo, wrap } = holdingAnswers();
  place.upstreams.plan("/b", failing("FAILED_PRECONDITION", "sold out"));
  const undo = place.upstreams.hold("/a/undo");
  const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: {} } })], wrap });
  let answered = false;
  const answer = ask("s").finally(() => {
    answered = true;
  });
  await until(() => held.length === 1);
  expect(answered).toBe(false);
  letGo();
  expect(await answer).toEqual({
    ok: false,
    status: "FAILED_PRECONDITION",
    message: "sold out",
    reason: "SAGA_STEP_FAILED",
    step: "b",
  });
  await undo.arrived;
  expect(place.saga("s")).toMatchObject({ phase: "open", answered: true });
  undo.answer(ok({}));
  await place.reaches("s", "compensated");
});
