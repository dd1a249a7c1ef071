import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Changes } from "../../runtime/engine/changes.js";
import { readConnection } from "../../runtime/journal/postgres/connect.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { listen } from "../../runtime/journal/postgres/listen.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry } from "./entries.js";

/** So long may a statement take here, ms: all that was written meanwhile can't be read in it. */
const statementMs = 250;

describePostgresServer("a pod that was long cut off while others wrote much", () => {
  const scope = createScope();
  let server: PostgresServer;
  let schema: string;
  beforeAll(async () => {
    server = await startPostgres(["max_wal_size = '2GB'"]);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    schema = freshSchema();
  });

  /** Others write, while nobody hears of it. */
  async function writeMuch(): Promise<void> {
    await server.sql(
      `INSERT INTO "${schema}".record (saga_id, seq, record, writer)
       SELECT 'other-' || n, 1, '\\x00', gen_random_uuid() FROM generate_series(1, 300000) AS n`,
    );
    await server.sql(`ANALYZE "${schema}".record`);
  }

  async function endSessionsOf(podId: string): Promise<void> {
    await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
      `protosaga ${podId}`,
    ]);
  }

  test("listens again, and hears of the sagas that matter here, in the time that a statement may take", async () => {
    const writer = scope.use(await openPostgresJournal({ url: server.url, podId: "writer", schema }));
    const connection = readConnection(server.url, "pod", schema);
    const errors: string[] = [];
    const listening = scope.use(
      await listen({
        connection: { ...connection, config: { ...connection.config, statement_timeout: statementMs } },
        channel: schema,
        podId: "pod",
        prefix: "0".repeat(18),
        onError: ({ message }) => errors.push(message),
      }),
    );
    const told: string[] = [];
    const heeded = Array.from({ length: 2_000 }, (_, at) => `heeded-${at}`);
    listening.add(
      (sagaId) => told.push(sagaId),
      () => heeded,
    );
    await writeMuch();
    await server.sql(
      `INSERT INTO "${schema}".record (saga_id, seq, record, writer)
       SELECT 'heeded-' || n * 2, 1, '\\x00', gen_random_uuid() FROM generate_series(0, 999) AS n`,
    );
    await endSessionsOf("pod");
    await until(() => told.length >= 1_000, { what: "being told of what was missed" });
    expect(told.toSorted()).toEqual(heeded.filter((_, at) => at % 2 === 0).toSorted());
    expect(errors.filter((message) => message.includes("timeout"))).toEqual([]);
    await writer.create(firstEntry("after"));
    await until(() => told.includes("after"), { what: "being told of what came after" });
  });

  test("tells whoever follows a saga there that it has moved on", async () => {
    const writer = scope.use(await openPostgresJournal({ url: server.url, podId: "writer", schema }));
    const pod = scope.use(await openPostgresJournal({ url: server.url, podId: "pod", schema }));
    const changes = new Changes(pod);
    let moves = 0;
    changes.subscribe("followed", () => moves++);
    await writer.create(firstEntry("followed"));
    await until(() => moves === 1, { what: "the first notice" });
    // What is written without a notice stands for what nobody could be told of.
    await server.sql(
      `INSERT INTO "${schema}".record (saga_id, seq, record, writer) VALUES ('followed', 1, '\\x00', gen_random_uuid())`,
    );
    await endSessionsOf("pod");
    await until(() => moves >= 2, { what: "the change that was missed" });
    const before = moves;
    await writer.append(entry("followed", 2));
    await until(() => moves > before, { what: "the change after it" });
  });
});
