import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { type HarmfulProxy, startProxy } from "../support/proxy.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry } from "./entries.js";

describePostgresServer("a pod that listens on a PostgreSQL journal", () => {
  const scope = createScope();
  let server: PostgresServer;
  let proxy: HarmfulProxy;
  let schema: string;
  /** Writes, on connections that nothing harms. */
  let writer: Journal;
  /** Listens through the proxy. */
  let pod: Journal;
  let told: string[];
  /** What the pod looks up after a time without a connection. */
  let heeded: string[];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    schema = freshSchema();
    proxy = scope.use(await startProxy(server.port));
    writer = scope.use(await openPostgresJournal({ url: server.url, podId: "writer", schema }));
    const url = server.url.replace(String(server.port), String(proxy.port));
    pod = scope.use(await openPostgresJournal({ url, podId: "pod", schema }));
    told = [];
    heeded = [];
    pod.onChange(
      (sagaId) => told.push(sagaId),
      () => heeded,
    );
  });

  /** Waits for a change that is made now: what came before it has been told by then. */
  async function untilTold(sagaId: string): Promise<void> {
    await until(() => told.includes(sagaId), { what: `being told of ${sagaId}` });
  }

  test("is told of each entry of another, and of none of its own", async () => {
    await writer.create(firstEntry("a"));
    await pod.create(firstEntry("own"));
    await pod.append(entry("a", 1));
    await writer.append(entry("a", 2, { phase: "completed" }));
    await writer.create(firstEntry("last"));
    await untilTold("last");
    expect(told).toEqual(["a", "a", "last"]);
  });

  test("is told of many at once, whatever their ids", async () => {
    const ids = Array.from({ length: 400 }, (_, at) => `${at}:/._-é`.padEnd(120, "x"));
    await Promise.all(ids.map((id) => writer.create(firstEntry(id))));
    await until(() => told.length >= ids.length, { what: "all" });
    expect(told.sort()).toEqual(ids.sort());
  });

  test("tells each listener, until it ends", async () => {
    const second: string[] = [];
    const end = pod.onChange(
      (sagaId) => second.push(sagaId),
      () => [],
    );
    await writer.create(firstEntry("a"));
    await until(() => second.length === 1 && told.length === 1, { what: "both" });
    end();
    await writer.create(firstEntry("b"));
    await untilTold("b");
    expect(second).toEqual(["a"]);
  });

  test("is told of what it missed, and heeds, while its connections were cut", async () => {
    const others = Array.from({ length: 1_200 }, (_, at) => `other-${at}`);
    heeded = ["no\0text", ...others, "began before", "unmoved", "began meanwhile"];
    await Promise.all(["began before", "unmoved"].map((id) => writer.create(firstEntry(id))));
    await Promise.all(["began before", "unmoved"].map(untilTold));
    told.splice(0);
    proxy.cut();
    await writer.create(firstEntry("began meanwhile"));
    await writer.create(firstEntry("nobody's"));
    await writer.append(entry("began before", 1, { phase: "completed" }));
    proxy.restore();
    await untilTold("began before");
    await untilTold("began meanwhile");
    expect(told).not.toContain("nobody's");
    told.splice(0);
    await writer.create(firstEntry("after"));
    await untilTold("after");
  });

  test("is told of what it missed while its connection led nowhere", async () => {
    heeded = ["meanwhile"];
    await writer.create(firstEntry("before"));
    await untilTold("before");
    proxy.freeze();
    await writer.create(firstEntry("meanwhile"));
    await untilTold("meanwhile");
  });

  test("is told again when the server was killed and is back", async () => {
    heeded = ["a"];
    await server.kill9();
    await server.start();
    await writer.create(firstEntry("a"));
    await untilTold("a");
  });

  test("is told while the server's sessions are ended all the time", async () => {
    heeded = Array.from({ length: 20 }, (_, round) => `round-${round}`);
    for (let round = 0; round < 20; round++) {
      await server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'protosaga pod' AND pid <> pg_backend_pid()",
      );
      await writer.create(firstEntry(`round-${round}`));
    }
    for (let round = 0; round < 20; round++) {
      await untilTold(`round-${round}`);
    }
  });
});
