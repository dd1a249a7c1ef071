import { expect, test } from "vitest";
import type { Broker, Handler } from "../../runtime/broker/broker.js";
import { SagaError } from "../../runtime/core/errors.js";
import { Changes } from "../../runtime/engine/changes.js";
import { Engine } from "../../runtime/engine/engine.js";
import { systemClock } from "../../runtime/engine/ports.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import type { Journal, Message } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { overriding } from "../support/overriding.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { toBytes } from "./support/codec.js";
import { facadeOf } from "./support/facade.js";
import { createUpstreamStub, failing, ok } from "./support/upstream-stub.js";

const quickly = { timeoutMs: 100, undo: { timeoutMs: 100 } };
const anHour = { maxAttempts: 5, initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000, multiplier: 1 };
const async = { mode: "async", recovery: "carry-on" } as const;
const facade = facadeOf({ ...async, steps: { a: quickly, b: quickly } });
const patient = facadeOf({ ...async, name: "test.Service/Patient", steps: { w: { ...quickly, retry: anHour } } });
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Topics that deliver some messages, and on which all others wait, as behind a slow consumer. */
function createSlowTopics(isDelivered: (message: Message) => boolean) {
  const handlers = new Map<string, Handler>();
  const published: Message[] = [];
  const broker: Broker = {
    async publish(messages) {
      published.push(...messages);
      for (const message of messages.filter(isDelivered)) {
        setTimeout(
          () =>
            void handlers
              .get(message.topic)?.(message)
              .catch(() => {}),
          1,
        );
      }
      return true;
    },
    subscribe: (topic, _options, handler) => void handlers.set(topic, handler),
    start: async () => {},
    close: async () => {},
  };
  return { broker, timesSent: (sagaId: string) => published.filter(({ key }) => key === sagaId).length };
}

describePostgres("idle sagas in a shared journal", () => {
  const scope = createScope();

  async function place(isDelivered: (message: Message) => boolean) {
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    const stored = scope.use(await openPostgresJournal({ url, schema, podId: "p", leaseMs: 500 }));
    let refused: string | undefined;
    const journal: Journal = overriding(stored, {
      async append(entry) {
        if (entry.sagaId === refused) {
          refused = undefined;
          throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "an outage of the database");
        }
        return stored.append(entry);
      },
    });
    const topics = createSlowTopics(isDelivered);
    const upstreams = createUpstreamStub();
    const changes = new Changes(journal);
    const engine = new Engine({
      facades: [facade, patient],
      journal,
      broker: topics.broker,
      upstreams,
      clock: { ...systemClock, random: () => 0.9 }, // No wait happens to be short.
      log: silent,
      changes,
      limits: { async: 10_000, throttled: 10_000 },
      concurrencyOf: () => 16,
    });
    await engine.start();
    scope.defer(async () => {
      await engine.stop();
    });
    const ask = (of: FacadeDefinition, sagaId: string) =>
      engine.run(of, { sagaId, request: toBytes({}), message: {}, deadlineAtMs: undefined, traceparent: "trace" });
    return {
      topics,
      upstreams,
      askMany: (of: FacadeDefinition, ids: readonly string[]) => Promise.all(ids.map((id) => ask(of, id))),
      /** Begins a saga whose first answer the journal refuses, so that it is suspended in the middle of a step. */
      async suspend(sagaId: string) {
        upstreams.plan("/a", async () => {
          refused = sagaId;
          return ok({});
        });
        await ask(facade, sagaId);
        await until(() => upstreams.callsOf("/a").length > 0 && refused === undefined, { what: "it to be suspended" });
      },
      phaseOf: async (sagaId: string) => (await stored.load(sagaId))?.phase,
      entriesOf: async (sagaId: string) => (await stored.load(sagaId))?.records.length,
      /** As if nobody had written for so long. */
      age: (seconds: number) =>
        runSql(
          url,
          `WITH old AS (UPDATE "${schema}".record SET written_at = written_at - make_interval(secs => $1))
           UPDATE "${schema}".saga SET created_at = created_at - make_interval(secs => $1)`,
          [seconds],
        ),
    };
  }

  const many = Array.from({ length: 150 }, (_, n) => `many-${n}`);

  test("a suspended saga continues, however many others wait here for a retry", async () => {
    const { upstreams, askMany, suspend, phaseOf, age } = await place(() => true);
    upstreams.always("/w", failing("UNAVAILABLE"));
    await askMany(patient, many);
    await until(() => upstreams.callsOf("/w").length === many.length, { what: "all to have failed once" });
    await age(60);
    await suspend("victim");
    await until(async () => (await phaseOf("victim")) === "completed", { what: "it to continue" });
    expect(upstreams.callsOf("/w"), "those that wait were left alone").toHaveLength(many.length);
  });

  test("a message that may be lost is sent again, seldom and without an entry", async () => {
    const { topics, askMany, suspend, phaseOf, entriesOf } = await place(({ key }) => key === "victim");
    await askMany(facade, many);
    await suspend("victim");
    await until(async () => (await phaseOf("victim")) === "completed", { what: "it to continue" });
    await until(() => many.every((id) => topics.timesSent(id) >= 2), { what: "each to be sent again" });
    const begunMs = performance.now();
    await until(() => many.every((id) => topics.timesSent(id) >= 4), { what: "each to be sent twice more" });
    expect(performance.now() - begunMs, "after 0.6 s and 1.2 s").toBeGreaterThan(1_500);
    expect(await Promise.all(many.map(entriesOf))).toEqual(many.map(() => 1));
  });
});
