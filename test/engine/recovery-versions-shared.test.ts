import { expect, test } from "vitest";
import type { Broker, Handler } from "../../runtime/broker/broker.js";
import { isSagaError } from "../../runtime/core/errors.js";
import { Changes } from "../../runtime/engine/changes.js";
import { Engine } from "../../runtime/engine/engine.js";
import { type Log, systemClock } from "../../runtime/engine/ports.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { overriding } from "../support/overriding.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope, type Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import { fromBytes, toBytes } from "./support/codec.js";
import { facadeOf, type StepSpec } from "./support/facade.js";
import { createUpstreamStub, failing, ok } from "./support/upstream-stub.js";

const steps: Readonly<Record<string, StepSpec>> = { a: {}, b: {}, c: {} };
/** The same RPCs in another order: each topic is now that of another position. */
const mixed: Readonly<Record<string, StepSpec>> = { c: {}, a: {}, b: {} };

/** Topics whose messages all come to the member that joined last: as bad as partitions can fall in a rolling deployment. */
function createUnlucky() {
  let last: Map<string, Handler> | undefined;
  const dead: unknown[] = [];
  const member = (): Broker => {
    const handlers = new Map<string, Handler>();
    return {
      async publish(messages) {
        for (const message of messages) {
          setTimeout(
            () =>
              last
                ?.get(message.topic)?.(message)
                .catch((error) => isSagaError(error) && error.code === "SAGA_MESSAGE_POISON" && dead.push(error)),
            1,
          );
        }
        return true;
      },
      subscribe: (topic, _options, handler) => void handlers.set(topic, handler),
      start: async () => {
        last = handlers;
      },
      close: async () => {},
    };
  };
  return { member, dead };
}

/** @param lose how many of what is handed over get lost on the way */
async function createCluster(scope: Scope, leaseMs: number, lose = 0) {
  const [url, schema] = [await postgresUrl(), freshSchema()];
  scope.defer(() => dropSchema(schema));
  const topics = createUnlucky();
  const upstreams = createUpstreamStub();
  const said: string[] = [];
  const note = (_about: object, message: string) => said.push(message);
  const log: Log = { debug() {}, info() {}, warn: note, error: note };
  const handedOver: string[] = [];
  return {
    topics,
    upstreams,
    said,
    handedOver,
    async start(podId: string, facade: FacadeDefinition) {
      const opened = await openPostgresJournal({ url, schema, podId, leaseMs });
      const journal: typeof opened = overriding(opened, {
        handOver(sagaId, topic) {
          handedOver.push(sagaId);
          return handedOver.length > lose ? opened.handOver(sagaId, topic) : Promise.resolve();
        },
      });
      const changes = new Changes(journal);
      const engine = new Engine({
        facades: [facade],
        journal,
        broker: topics.member(),
        upstreams,
        clock: systemClock,
        log,
        changes,
        limits: { async: 10_000, throttled: 10_000 },
        concurrencyOf: () => 4,
      });
      await engine.start();
      let stopped: Promise<void> | undefined;
      const stop = () => {
        stopped ??= engine.stop().then(async () => {
          await journal.close();
        });
        return stopped;
      };
      scope.defer(stop);
      const ask = async (sagaId: string) => {
        const call = { sagaId, request: toBytes({}), message: {}, deadlineAtMs: undefined, traceparent: "trace" };
        const answer = await engine.run(facade, call);
        return answer.ok ? fromBytes(answer.response) : answer.failure.message;
      };
      return { ask, stop };
    },
    async open() {
      const query = `SELECT count(*) AS open FROM "${schema}".saga WHERE phase IN ('open', 'stuck')`;
      return Number((await runSql<{ open: string }>(url, query))[0]?.open);
    },
    pathsOf: (id: string) => upstreams.calls.filter(({ sagaId }) => sagaId === id).map(({ path }) => path),
  };
}

describePostgres("servers of two structures on one journal", () => {
  const scope = createScope();
  const good = { a: { from: "/a" }, b: { from: "/b" }, c: { from: "/c" } };
  const ids = (name: string) => Array.from({ length: 40 }, (_, n) => `${name}${n}`);
  const fails = (id: string) => Number(id.slice(1)) % 4 === 0;

  test.each(["sync", "throttled"] as const)(
    "each carry their own %s sagas through, though all messages come to the new one",
    async (mode) => {
      const cluster = await createCluster(scope, 60_000); // No sweep comes to help.
      let [now, most] = [0, 0];
      cluster.upstreams.always("/c", async ({ sagaId }) => {
        const isOld = sagaId.startsWith("o");
        now += isOld ? 1 : 0;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 5));
        now -= isOld ? 1 : 0;
        return isOld && fails(sagaId) ? failing("OUT_OF_RANGE", "no") : ok({ from: "/c" });
      });
      const recovery = mode === "sync" ? "roll-back" : "carry-on";
      const before = await cluster.start("old", facadeOf({ mode, recovery, steps }));
      const after = await cluster.start("new", facadeOf({ mode, recovery, steps: mixed, fingerprint: "f2" }));
      const [olds, news] = [ids("o"), ids("n")];
      const told = await Promise.all([...olds.map((id) => before.ask(id)), ...news.map((id) => after.ask(id))]);
      expect(told).toEqual([...olds.map((id) => (fails(id) ? "no" : good)), ...news.map(() => good)]);
      await until(async () => (await cluster.open()) === 0, { what: "all sagas to end" });
      for (const id of olds) {
        expect(cluster.pathsOf(id), id).toEqual(["/a", "/b", "/c", ...(fails(id) ? ["/b/undo", "/a/undo"] : [])]);
      }
      for (const id of news) {
        expect(cluster.pathsOf(id), id).toEqual(["/c", "/a", "/b"]);
      }
      const messages = mode === "sync" ? olds.filter(fails).length : olds.length * 3 + olds.filter(fails).length;
      expect(cluster.handedOver).toHaveLength(messages);
      if (mode === "throttled") {
        expect(most, "messages that are handed over take slots, too").toBeLessThanOrEqual(4);
      }
      expect(cluster.topics.dead, "nothing was lost to the dead letters").toEqual([]);
      expect(cluster.said).toEqual([]);
    },
  );

  test("a server with the old structure takes over the sagas of one that restarts with another structure", async () => {
    const cluster = await createCluster(scope, 3_000); // Long enough that no living server is late with its sign of life.
    const mode = { mode: "async", recovery: "carry-on", respond: () => ({}) } as const;
    const old = facadeOf({ ...mode, steps });
    const first = await cluster.start("pod-0", old);
    const held = ids("s").map(() => cluster.upstreams.hold("/b"));
    await Promise.all(ids("s").map((id) => first.ask(id)));
    await Promise.all(held.slice(0, 4).map(({ arrived }) => arrived)); // As many as the topic has slots.
    await first.stop();
    await cluster.start("pod-0", facadeOf({ ...mode, steps: mixed, fingerprint: "f2" }));
    expect(cluster.said).toEqual([
      "40 sagas have a structure that this server does not have: servers that have it run them; " +
        "keep one until they have ended",
    ]);
    expect(await cluster.open()).toBe(40);
    await cluster.start("pod-1", old);
    for (const { answer } of held) {
      answer(ok({}));
    }
    await until(async () => (await cluster.open()) === 0, { what: "all sagas to end" });
    for (const id of ids("s")) {
      expect(new Set(cluster.pathsOf(id)), id).toEqual(new Set(["/a", "/b", "/c"]));
    }
    expect(cluster.topics.dead).toEqual([]);
  });

  test("a hand-over that is lost is repeated once the saga is found idle", async () => {
    const cluster = await createCluster(scope, 500, 1);
    const timeouts = { timeoutMs: 100, undo: { timeoutMs: 100 } };
    const quick = Object.fromEntries(Object.keys(steps).map((name) => [name, timeouts]));
    const spec = { mode: "throttled", recovery: "carry-on" } as const;
    const before = await cluster.start("old", facadeOf({ ...spec, steps: quick }));
    await cluster.start("new", facadeOf({ ...spec, steps: mixed, fingerprint: "f2" }));
    expect(await before.ask("s")).toEqual(good);
    expect(cluster.handedOver.length, "a hand-over takes up to a second: some are repeated").toBeGreaterThanOrEqual(4);
    expect(cluster.pathsOf("s")).toEqual(["/a", "/b", "/c"]);
  });
});
