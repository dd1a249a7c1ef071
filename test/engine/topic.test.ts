import { expect, test } from "vitest";
import type { Journal, Outgoing } from "../../runtime/journal/journal.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });
const topic = facade.topics.rollback;
const message = (requestId: string, name = facade.name) =>
  JSON.stringify({
    request_id: requestId,
    facade: name,
    current_index: 1,
    topics: [],
    rollback_topic: topic,
    request: {},
    results: {},
  });

const poison = [
  ["no JSON", "{"],
  ["no object", "[]"],
  ["no request id", JSON.stringify({ facade: facade.name, current_index: 1, topics: [], rollback_topic: topic })],
  ["of another facade", message("s", "test.Service/Other")],
] as const;

test("poison goes to the dead-letter topic with its reason, and the messages behind it go on", async () => {
  const place = createPlace(scope);
  const first = await place.start({ facades: [facade] });
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  const { arrived } = place.upstreams.hold("/a/undo");
  await first.ask("s");
  await arrived;
  // One key for all: even those of its own key must not wait behind the poison.
  await first.journal.messages.add(poison.map(([, body]) => ({ topic, key: "s", body })));
  await first.stop();

  const { journal, ask } = await place.start({ facades: [facade] });
  await until(async () => (await journal.messages.pending()).length === 0, { what: "the topic to be empty" });
  const dead = await journal.messages.buried(topic);
  expect(dead.map(({ body }) => body)).toEqual(poison.map(([, body]) => body));
  for (const { reason } of dead) {
    expect(reason).toContain(`SAGA_MESSAGE_POISON: on ${topic}: `);
  }
  await place.reaches("s", "compensated");
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  await ask("t");
  await place.reaches("t", "compensated");
});

test("a rollback message that comes twice, too early, too late or for nobody changes nothing", async () => {
  const place = createPlace(scope);
  const first = await place.start({ facades: [facade] });
  expect(await first.ask("done")).toMatchObject({ ok: true });
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  await first.ask("undone");
  const { story } = await place.reaches("undone", "compensated");
  const calls = place.upstreams.calls.length;
  const ids = ["done", "undone", "undone", "nobody"];
  await first.journal.messages.add(ids.map((id) => ({ topic, key: id, body: message(id) })));
  await first.stop();

  const { journal } = await place.start({ facades: [facade] });
  await until(async () => (await journal.messages.pending()).length === 0, { what: "the topic to be empty" });
  expect(place.saga("done")).toMatchObject({ phase: "completed" });
  expect(place.saga("undone")).toMatchObject({ phase: "compensated", story });
  expect(place.saga("nobody")).toBeUndefined();
  expect(await journal.messages.buried(topic)).toEqual([]);
  expect(place.upstreams.calls).toHaveLength(calls);
});

test("a rollback message for a saga that runs changes nothing", async () => {
  const place = createPlace(scope);
  const carried = facadeOf({ steps: { a: {}, b: {} }, recovery: "carry-on" });
  const left = place.upstreams.hold("/a");
  const first = await place.start({ facades: [carried] });
  const abandoned = first.ask("s").catch(() => {});
  await left.arrived;
  await first.journal.messages.add(["s", "s"].map((key) => ({ topic, key, body: message("s") })));
  await Promise.all([abandoned, first.stop()]);

  const a = place.upstreams.hold("/a");
  const second = await place.start({ facades: [carried] });
  await a.arrived;
  const answer = second.ask("s");
  await until(async () => (await second.journal.messages.pending()).length === 0, { what: "the topic to be empty" });
  a.answer(ok({}));
  expect(await answer).toMatchObject({ ok: true });
  expect(place.upstreams.paths()).toEqual(["/a", "/a", "/b"]);
});

test("the message is there for people and other tools to read", async () => {
  const place = createPlace(scope);
  const seen: Outgoing[] = [];
  const wrap = (journal: Journal): Journal => ({
    ...journal,
    append: (entry) => {
      seen.push(...entry.messages);
      return journal.append(entry);
    },
  });
  const { ask } = await place.start({ facades: [facade], wrap });
  place.upstreams.plan("/b", failing("OUT_OF_RANGE"));
  await ask("s", { request: { wish: 1 } });
  expect(seen).toMatchObject([{ topic, key: "s" }]);
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({
    request_id: "s",
    facade: facade.name,
    current_index: 1,
    topics: [],
    rollback_topic: topic,
    request: { wish: 1 },
    results: { a: { from: "/a" } },
  });
  await place.reaches("s", "compensated");
});
