import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { SharedJournal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { type HarmfulProxy, startProxy } from "../support/proxy.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry } from "./entries.js";

describePostgresServer("a pod that watches sagas on PostgreSQL", () => {
  const scope = createScope();
  let server: PostgresServer;
  let proxy: HarmfulProxy;
  /** Writes, on connections that nothing harms. */
  let writer: SharedJournal;
  /** Watches through the proxy. */
  let pod: SharedJournal;
  let errors: string[];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    const schema = freshSchema();
    errors = [];
    proxy = scope.use(await startProxy(server.port));
    writer = scope.use(await openPostgresJournal({ url: server.url, podId: "writer", schema }));
    const url = server.url.replace(String(server.port), String(proxy.port));
    const onError = ({ message }: Error) => void errors.push(message);
    pod = scope.use(await openPostgresJournal({ url, podId: "pod", schema, onError }));
  });

  async function watch(sagaId: string): Promise<{ calls: number }> {
    const seen = { calls: 0 };
    pod.watch(sagaId, () => seen.calls++);
    await until(() => seen.calls > 0, { what: "the first report" });
    return seen;
  }

  test("learns within a few hundred milliseconds", async () => {
    await writer.create(firstEntry("s"));
    const seen = await watch("s");
    const delays: number[] = [];
    for (let seq = 1; seq <= 10; seq++) {
      const before = seen.calls;
      await writer.append(entry("s", seq));
      const began = performance.now();
      await until(() => seen.calls > before);
      delays.push(performance.now() - began);
    }
    expect(delays.sort((one, other) => one - other)[5]).toBeLessThan(300);
  });

  test("learns of what was stored while its connections were cut, and reports the outage once", async () => {
    await writer.create(firstEntry("s"));
    const seen = await watch("s");
    proxy.cut();
    await until(() => errors.some((message) => /ECONNREFUSED|terminated|reset/.test(message)), { what: "the outage" });
    const before = seen.calls;
    await writer.append(entry("s", 1, { phase: "completed" }));
    proxy.restore();
    await until(() => seen.calls > before, { what: "the report" });
    expect(errors.length, errors.join("; ")).toBeLessThan(10);
  });

  test("learns of what was stored while its connections led nowhere", async () => {
    await writer.create(firstEntry("s"));
    const seen = await watch("s");
    const before = seen.calls;
    proxy.freeze();
    await writer.append(entry("s", 1));
    await until(() => seen.calls > before, { what: "the report" });
  });

  test("goes on when the server was killed and is back", async () => {
    const seen = await watch("s");
    await server.kill9();
    await server.start();
    const before = seen.calls;
    await writer.create(firstEntry("s"));
    await until(() => seen.calls > before, { what: "the report" });
  });

  test("goes on while the server's sessions are ended all the time", async () => {
    const seen = await watch("s");
    await writer.create(firstEntry("s"));
    for (let round = 1; round <= 20; round++) {
      await server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'protosaga pod' AND pid <> pg_backend_pid()",
      );
      const before = seen.calls;
      await writer.append(entry("s", round));
      await until(() => seen.calls > before, { what: `the report of entry ${round}` });
    }
  });

  test("asks nothing once it watches nothing", async () => {
    const stop = pod.watch("s", () => {});
    const asked = async () => {
      const rows = await server.sql<{ at: string | null }>(
        "SELECT max(query_start)::text AS at FROM pg_stat_activity WHERE application_name = 'protosaga pod' AND query LIKE '%max(seq)%'",
      );
      return rows[0]?.at;
    };
    await until(async () => (await asked()) !== null, { what: "a query" });
    stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const last = await asked();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await asked()).toBe(last);
  });
});
