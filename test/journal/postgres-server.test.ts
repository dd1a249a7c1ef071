import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openPostgresJournal, type PostgresOptions } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry, numbersOf } from "./entries.js";
import { startLoad } from "./recorded-load.js";

describePostgresServer("a PostgreSQL server under load", () => {
  const scope = createScope();
  let server: PostgresServer;
  let schema: string;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    schema = freshSchema();
  });

  async function open(more: Partial<PostgresOptions> = {}) {
    return scope.use(await openPostgresJournal({ url: server.url, podId: "pod-0", schema, ...more }));
  }

  test.each([
    ["shut down at once", () => server.stop()],
    ["killed", () => server.kill9()],
  ])("that is %s, and started again, loses and doubles nothing, and nobody notices", async (_, end) => {
    const errors: string[] = [];
    const journal = await open({ giveUpAfterMs: 30_000, onError: ({ message }) => errors.push(message) });
    const load = startLoad(journal, "restart");
    for (let round = 1; round <= 3; round++) {
      const before = load.acknowledged();
      await until(() => load.acknowledged() > before + 500, { what: "writes" });
      await end();
      await server.start();
    }
    const before = load.acknowledged();
    await until(() => load.acknowledged() > before + 500, { what: "writes after the last restart" });
    await load.stop();
    expect(load.refused()).toBe(0);
    expect(errors.length, "told of what was tried again").toBeGreaterThan(0);
    await load.check(journal);
  });

  test("whose connections are cut all the time loses and doubles nothing, and nobody notices", async () => {
    const journal = await open({ giveUpAfterMs: 30_000 });
    const load = startLoad(journal, "cut");
    let cut = 0;
    await until(async () => {
      const rows = await server.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'protosaga %' AND state = 'active' AND pid <> pg_backend_pid()`,
      );
      cut += rows.length;
      return cut >= 150;
    });
    const before = load.acknowledged();
    await until(() => load.acknowledged() > before + 200, { what: "writes" });
    await load.stop();
    expect(load.refused()).toBe(0);
    await load.check(journal);
  });

  test("that is away for longer than writers wait is said to be unavailable, and is used again when it is back", async () => {
    const journal = await open({ giveUpAfterMs: 300 });
    const load = startLoad(journal, "away", 16);
    await until(() => load.acknowledged() > 200, { what: "writes" });
    await server.kill9();
    await until(() => load.refused() > 50, { what: "refusals" });
    const unavailable = { name: "SagaError", code: "SAGA_JOURNAL_UNAVAILABLE" };
    await expect(journal.load("a")).rejects.toMatchObject(unavailable);
    await expect(journal.messages.pending()).rejects.toMatchObject(unavailable);
    await expect(journal.messages.remove([1])).rejects.toMatchObject(unavailable);
    await server.start();
    const before = load.acknowledged();
    await until(() => load.acknowledged() > before + 200, { what: "writes when it is back" });
    await load.stop();
    await load.check(journal);
  });

  test("that stops answering for a while is asked again on other connections", async () => {
    const journal = await open({ giveUpAfterMs: 30_000 });
    await journal.create(firstEntry("a"));
    server.signal("SIGSTOP");
    const appended = journal.append(entry("a", 1));
    const started = performance.now();
    await until(() => performance.now() - started > 9_000, { what: "the answer's time to pass" });
    server.signal("SIGCONT");
    await appended;
    expect(await numbersOf(journal, "a")).toEqual([0, 1]);
  });

  test("closing waits for what is tried again", async () => {
    const journal = await open({ giveUpAfterMs: 30_000 });
    await journal.create(firstEntry("a"));
    await server.kill9();
    const appended = journal.append(entry("a", 1));
    const closed = journal.close();
    await server.start();
    await closed;
    await expect(appended).resolves.toEqual([]);
    expect(await numbersOf(await open(), "a")).toEqual([0, 1]);
  });

  test("has every commit wait for the disk, whatever the database's default", async () => {
    await server.sql("ALTER DATABASE postgres SET synchronous_commit = off");
    scope.defer(() => server.sql("ALTER DATABASE postgres RESET synchronous_commit"));
    const journal = await open();
    await server.sql(`
      CREATE TABLE ${schema}.seen (mode text);
      CREATE FUNCTION ${schema}.note() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO ${schema}.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
      CREATE CONSTRAINT TRIGGER note AFTER INSERT ON ${schema}.saga DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION ${schema}.note();
      CREATE CONSTRAINT TRIGGER note AFTER INSERT ON ${schema}.message DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION ${schema}.note()`);
    await journal.create(firstEntry("a"));
    await journal.messages.addDeadLetter({ topic: "t", key: "k", body: "?" }, "no");
    expect(await server.sql(`SELECT mode FROM ${schema}.seen`), "as each commits").toEqual([
      { mode: "on" },
      { mode: "on" },
    ]);
  });
});
