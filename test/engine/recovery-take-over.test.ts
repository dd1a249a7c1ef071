import { expect, test } from "vitest";
import type { Broker } from "../../runtime/broker/broker.js";
import { Changes } from "../../runtime/engine/changes.js";
import { Engine } from "../../runtime/engine/engine.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { toBytes } from "./support/codec.js";
import { facadeOf } from "./support/facade.js";
import { createUpstreamStub } from "./support/upstream-stub.js";

const count = 3_000;
const leaseMs = 8_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const published = new Set<string>();
/** Nothing that is sent arrives. */
const broker: Broker = {
  async publish(messages) {
    for (const { key } of messages) {
      published.add(key);
    }
    return true;
  },
  subscribe() {},
  start: async () => {},
  close: async () => {},
};

describePostgres("a server that dies with thousands of sagas", () => {
  const scope = createScope();

  test("another server takes all of them over within two leases", async () => {
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    const journal = scope.use(await openPostgresJournal({ url, schema, podId: "b", leaseMs }));
    const changes = new Changes(journal);
    const facade = facadeOf({ steps: { a: {}, b: {} }, mode: "async", recovery: "carry-on" });
    const engine = new Engine({
      facades: [facade],
      journal,
      broker,
      upstreams: createUpstreamStub(),
      clock: systemClock,
      log: silent,
      changes,
      limits: { async: 100_000, throttled: 100_000 },
      concurrencyOf: () => 16,
    });
    await engine.start();
    scope.defer(async () => {
      await engine.stop();
    });
    const call = { request: toBytes({}), message: {}, deadlineAtMs: undefined, traceparent: "trace" };
    await engine.run(facade, { ...call, sagaId: "s" });
    await runSql(
      url,
      `INSERT INTO "${schema}".saga (id, facade, fingerprint, request, first_record, phase, answer, owner, writer)
       SELECT 's-' || n, facade, fingerprint, request, first_record, phase, answer, 'a', gen_random_uuid()
       FROM "${schema}".saga, generate_series(1, $1) AS n`,
      [count],
    );
    // It dies just after it said that it lives.
    await runSql(url, `INSERT INTO "${schema}".pod (id, beat_at) VALUES ('a', clock_timestamp())`);
    const diedMs = performance.now();
    const left = `SELECT id FROM "${schema}".saga WHERE owner = 'a' LIMIT 1`;
    await until(async () => (await runSql(url, left)).length === 0, {
      what: "all to be taken over",
      timeoutMs: 120_000,
    });
    const tookMs = performance.now() - diedMs;
    expect(tookMs).toBeGreaterThan(leaseMs);
    expect(tookMs).toBeLessThan(2 * leaseMs);
    await until(() => published.size === count + 1, { what: "each saga's message to be sent again" });
  });
});
