import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect, readConnection } from "../../runtime/journal/postgres/connect.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry, numbersOf } from "./entries.js";

describePostgresServer("a PostgreSQL server that can't do what is asked of it just now", () => {
  const scope = createScope();
  let server: PostgresServer;
  let schema: string;
  let errors: string[];
  beforeAll(async () => {
    server = await startPostgres(["max_connections = 12", "superuser_reserved_connections = 0"]);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    schema = freshSchema();
    errors = [];
  });

  async function open(giveUpAfterMs: number, podId = "pod-0") {
    const onError = (error: Error) => {
      expect(JSON.stringify(error).length, "fit for a line of the log").toBeLessThan(1_000);
      errors.push(error.message);
    };
    return scope.use(await openPostgresJournal({ url: server.url, podId, schema, giveUpAfterMs, onError }));
  }

  async function session(): Promise<pg.Client> {
    const client = new pg.Client(server.url);
    client.on("error", () => {});
    await client.connect();
    scope.defer(() => client.end().catch(() => {}));
    return client;
  }

  /** Takes every connection that is free, those of the journal too. */
  async function takeAll(): Promise<pg.Client[]> {
    const taken = [await session()];
    await taken[0]?.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'protosaga %'",
    );
    for (;;) {
      try {
        taken.push(await session());
      } catch (error) {
        expect(String(error)).toContain("too many clients");
        return taken;
      }
    }
  }

  test("for want of connections: it is waited for, for as long as may be, then said to be unavailable", async () => {
    const journal = await open(30_000);
    const hasty = await open(300, "pod-1");
    await journal.create(firstEntry("a"));
    const taken = await takeAll();
    await expect(hasty.append(entry("a", 1))).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    const appended = journal.append(entry("a", 1));
    await until(() => errors.some((message) => message.includes("too many clients")), { what: "being told of it" });
    await Promise.all(taken.map((client) => client.end()));
    expect(await appended).toEqual([]);
    expect(await numbersOf(journal, "a")).toEqual([0, 1]);
  });

  test("since a table is locked for longer than a statement may take: what is written is written once, later", async () => {
    const journal = await open(30_000);
    const other = await session();
    await other.query(`BEGIN; LOCK TABLE ${schema}.saga IN ACCESS EXCLUSIVE MODE`);
    const created = journal.create(firstEntry("a", { messages: [{ topic: "t", key: "a", body: "a" }] }));
    await until(() => errors.some((message) => message.includes("statement timeout")), { what: "the statement's end" });
    await other.query("COMMIT");
    expect(await created).toEqual([expect.objectContaining({ body: "a" })]);
    expect(await journal.messages.pending()).toHaveLength(1);
  });

  test("since a pod stands still within a transaction: its locks hold others up no longer than a statement may take", async () => {
    const journal = await open(30_000);
    await journal.create(firstEntry("a"));
    const still = await connect(readConnection(server.url, "pod-1", schema));
    scope.defer(() => still.end());
    await still.query(`BEGIN; SELECT 1 FROM ${schema}.saga FOR UPDATE`);
    expect(await journal.append(entry("a", 1))).toEqual([]);
    expect(await numbersOf(journal, "a")).toEqual([0, 1]);
  });
});
