import { expect, test } from "vitest";
import { SagaError } from "../../runtime/core/errors.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import { createScope } from "../support/scope.js";
import { facadeOf } from "./support/facade.js";
import { createPlace, type Place } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });
const queued = facadeOf({ steps: { a: {}, b: {} }, name: "test.Service/Queued", mode: "async", recovery: "carry-on" });
const message = ({ name, topics }: FacadeDefinition, requestId: string, at = -1) =>
  JSON.stringify({
    request_id: requestId,
    facade: name,
    current_index: at,
    topics: topics.steps,
    rollback_topic: topics.rollback,
    request: {},
    results: {},
  });

const poison = [
  ["no JSON", "{"],
  ["no object", "[]"],
  ["no request id", JSON.stringify({ facade: facade.name, current_index: 1, topics: [], rollback_topic: "x" })],
  ["of another facade", message(queued, "s")],
  ["of a saga that the journal does not have", message(facade, "nobody")],
] as const;

test("poison goes to the dead-letter topic with its reason, and the messages after it are delivered", async () => {
  const place = createPlace(scope);
  const { ask, broker, journal } = await place.start({ facades: [facade] });
  const topic = facade.topics.rollback;
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  const { arrived, answer } = place.upstreams.hold("/a/undo");
  await ask("s");
  await arrived;
  // One key for all: messages with the key of the poison must not wait either.
  const published = broker.publish(poison.map(([, body]) => ({ topic, key: "s", body })));
  answer(ok({}));
  expect(await published).toBe(true);
  const dead = await journal.messages.deadLetters(topic);
  expect(dead.map(({ body }) => body)).toEqual(poison.map(([, body]) => body));
  for (const { reason } of dead) {
    expect(reason).toContain("SAGA_MESSAGE_POISON: ");
  }
  await place.reaches("s", "compensated");
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  await ask("t");
  await place.reaches("t", "compensated");
});

test("a step's message with another step's number is poison", async () => {
  const place = createPlace(scope);
  const { broker, journal } = await place.start({ facades: [queued] });
  const [first = ""] = queued.topics.steps;
  await broker.publish([{ topic: first, key: "s", body: message(queued, "s", 1) }]);
  expect(await journal.messages.deadLetters(first)).toMatchObject([
    { reason: expect.stringContaining("current_index is 1") },
  ]);
});

test("a duplicate or late rollback message changes nothing", async () => {
  const place = createPlace(scope);
  const { ask, broker, journal } = await place.start({ facades: [facade] });
  expect(await ask("done")).toMatchObject({ ok: true });
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  await ask("undone");
  const { story } = await place.reaches("undone", "compensated");
  const calls = place.upstreams.calls.length;
  const topic = facade.topics.rollback;
  await broker.publish(["done", "undone", "undone"].map((id) => ({ topic, key: id, body: message(facade, id) })));
  expect(place.saga("done")).toMatchObject({ phase: "completed" });
  expect(place.saga("undone")).toMatchObject({ phase: "compensated", story });
  expect(await journal.messages.deadLetters(topic)).toEqual([]);
  expect(place.upstreams.calls).toHaveLength(calls);
});

test("messages for a saga whose call is in flight change nothing", async () => {
  const place = createPlace(scope);
  const { ask, broker } = await place.start({ facades: [queued] });
  const b = place.upstreams.hold("/b");
  await ask("s");
  await b.arrived;
  await publishAll(broker, "s", [0, -1]);
  const late = publishAll(broker, "s", [1]); // Waits: its key is busy on this topic.
  b.answer(ok({}));
  await late;
  await place.reaches("s", "completed");
  await publishAll(broker, "s", [0, 1, -1]);
  expect(place.upstreams.paths()).toEqual(["/a", "/b"]);
  expect(place.said).toEqual([]);
});

function publishAll(broker: Awaited<ReturnType<Place["start"]>>["broker"], id: string, steps: readonly number[]) {
  const { rollback, steps: topics } = queued.topics;
  return broker.publish(steps.map((at) => ({ topic: topics[at] ?? rollback, key: id, body: message(queued, id, at) })));
}

test("people and other tools can read the messages", async () => {
  const place = createPlace(scope);
  const { ask, seen } = await place.start({ facades: [queued], concurrencyOf: () => 1, byMessage: true });
  const [first = "", second = ""] = queued.topics.steps;
  const held = place.upstreams.hold("/a");
  await ask("in the way");
  await held.arrived;
  await ask("s", { request: { wish: 1 } });
  place.upstreams.plan("/b", ok({ from: "/b" }), failing("OUT_OF_RANGE"));
  const undo = place.upstreams.hold("/a/undo");
  held.answer(ok({ from: "/a" }));
  await undo.arrived;
  undo.answer(ok({}));
  await place.reaches("s", "compensated");
  const head = {
    request_id: "s",
    facade: queued.name,
    topics: [first, second],
    rollback_topic: queued.topics.rollback,
  };
  const mine = seen.filter(({ key }) => key === "s").map(({ topic, body }) => ({ topic, ...JSON.parse(body) }));
  expect(mine[0]).toEqual({ topic: first, ...head, current_index: 0, request: { wish: 1 }, results: {} });
});

test("a message that is larger than the broker accepts is published without its payload: the journal has it", async () => {
  const place = createPlace(scope);
  const { ask, seen } = await place.start({
    facades: [queued],
    maxBodyBytes: 1_000,
    concurrencyOf: () => 1,
    byMessage: true,
  });
  const held = place.upstreams.hold("/a");
  await ask("in the way");
  await held.arrived;
  await ask("s", { request: { wish: "w".repeat(2_000) } });
  place.upstreams.plan("/b", ok({}), failing("OUT_OF_RANGE"));
  held.answer(ok({ from: "a".repeat(2_000) }));
  await place.reaches("s", "compensated");
  await place.reaches("in the way", "completed");
  for (const { body } of seen) {
    expect(body.length).toBeLessThan(1_000);
  }
  expect(seen.filter(({ key }) => key === "s").map(({ body }) => JSON.parse(body).request)).toContainEqual({});
  expect(place.upstreams.callsOf("/a")).toContainEqual(expect.objectContaining({ sagaId: "s" }));
});

test("a message is delivered again if its handler can't reach the journal", async () => {
  const place = createPlace(scope);
  let refusals = 1;
  const { broker, journal } = await place.start({
    facades: [facade],
    wrap: (inner) => ({
      ...inner,
      load: (id) =>
        refusals-- > 0 ? Promise.reject(new SagaError("SAGA_JOURNAL_UNAVAILABLE", "not now")) : inner.load(id),
    }),
  });
  const topic = facade.topics.rollback;
  expect(await broker.publish([{ topic, key: "x", body: message(facade, "x") }])).toBe(true);
  expect(refusals).toBeLessThan(0);
  expect(await journal.messages.deadLetters(topic)).toHaveLength(1);
});
