import { describe, expect, test } from "vitest";
import { crashAt, createWorld } from "../../runtime/testing/world/world.js";
import { facadeOf } from "../engine/support/facade.js";

const facade = facadeOf({ steps: { order: {}, payment: {} } });
const body = new TextEncoder().encode("{}");
const ok = () => ({ ok: true, body }) as const;

describe("a world of one server", () => {
  test("runs a saga in virtual time", async () => {
    const world = createWorld({ business: ok });
    const pod = world.start([facade]);
    await world.settle();
    const asked = pod.ask(facade, { sagaId: "a", request: { n: 1 } });
    expect(await world.settle()).toBe(true);
    expect(asked.answer?.ok).toBe(true);
    expect(world.tables.sagas.get("a")?.phase).toBe("completed");
    expect([...world.ledger.rows.values()]).toMatchObject([
      { key: "a/order", state: "done", effects: 1 },
      { key: "a/payment", state: "done", effects: 1 },
    ]);
  });

  test.each([
    ["before the call", { port: "upstream.call", about: "a/payment" }, ["undone", "none"]],
    ["after the call", { port: "upstream.call", about: "a/payment", stage: "after" }, ["undone", "undone"]],
    ["before the journal's first write", { port: "journal.create" }, []],
    ["after the journal's first write", { port: "journal.create", stage: "after" }, ["none"]],
  ] as const)("crashes %s, and recovers", async (_, point, expected) => {
    const crash = crashAt(point);
    const world = createWorld({ business: ok, probe: crash });
    const first = world.start([facade]);
    await world.settle();
    const asked = first.ask(facade, { sagaId: "a", request: {} });
    await world.settle();
    expect(crash.hit).toBe(true);
    expect(asked.answer).toBeUndefined();
    world.start([facade]);
    expect(await world.settle()).toBe(true);
    expect([...world.ledger.rows.values()].map(({ state }) => state)).toEqual(expected);
    expect(world.tables.sagas.get("a")?.phase).toBe(expected.length > 0 ? "compensated" : undefined);
  });

  test("delivers a late request after its compensation", async () => {
    const world = createWorld({
      business: ok,
      travel: ({ idempotencyKey, nth }) =>
        idempotencyKey === "a/order" && nth === 3
          ? { requestMs: 60_000 }
          : idempotencyKey === "a/order"
            ? { requestMs: "lost" }
            : {},
    });
    const pod = world.start([facade]);
    await world.settle();
    const asked = pod.ask(facade, { sagaId: "a", request: {} });
    expect(await world.settle()).toBe(true);
    expect(asked.answer).toMatchObject({ ok: false, step: "order" });
    expect(world.network.arrived.map(({ attempt }) => attempt.idempotencyKey)).toEqual([
      "a/order/compensate",
      "a/order",
    ]);
    expect(world.ledger.rows.get("a/order")).toMatchObject({ state: "none", effects: 0 });
  });

  test("reports a failed commit to the client", async () => {
    const world = createWorld({ business: ok, disk: { commitFate: (nth) => (nth === 1 ? "lost" : "stored") } });
    const pod = world.start([facade]);
    await world.settle();
    const asked = pod.ask(facade, { sagaId: "a", request: {} });
    await world.settle();
    expect(asked.error).toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    expect(world.network.left).toEqual([]);
  });
});
