import { beforeEach, expect, test } from "vitest";
import { connect, readConnection } from "../../runtime/journal/postgres/connect.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { migrate, migrations } from "../../runtime/journal/postgres/migrate.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { firstEntry, numbersOf } from "./entries.js";

const version = migrations.length;

describePostgres("the tables of a journal on PostgreSQL", () => {
  const scope = createScope();
  let url: string;
  let schema: string;
  beforeEach(async () => {
    url = await postgresUrl();
    schema = freshSchema();
    scope.defer(() => dropSchema(schema));
  });

  const open = async (at = 0) => scope.use(await openPostgresJournal({ url, podId: `pod-${at}`, schema }));
  const versions = async () =>
    (await runSql<{ version: number }>(url, `SELECT version FROM ${schema}.schema_version ORDER BY 1`)).map(
      (row) => row.version,
    );

  async function migrateTo(steps: readonly string[]): Promise<void> {
    const client = await connect(readConnection(url, "pod-0", schema));
    try {
      await migrate(client, schema, steps);
    } finally {
      await client.end();
    }
  }

  test("are made once, when many pods start at once for the first time", async () => {
    const journals = await Promise.all(Array.from({ length: 8 }, (_, at) => open(at)));
    expect(await versions()).toEqual(migrations.map((_, at) => at + 1));
    for (const [at, journal] of journals.entries()) {
      expect(await journal.create(firstEntry(`${at}`))).toEqual([]);
    }
  });

  test("of an older version are brought up to date, each step once, by many pods at once, and keep what they hold", async () => {
    const journal = await open();
    await journal.create(firstEntry("a"));
    const newer = [
      ...migrations,
      "ALTER TABLE saga ADD COLUMN note text",
      "UPDATE saga SET note = coalesce(note, '') || '!'",
    ];
    await Promise.all(Array.from({ length: 6 }, () => migrateTo(newer)));
    expect(await versions()).toEqual(newer.map((_, at) => at + 1));
    expect(await runSql(url, `SELECT id, note FROM ${schema}.saga`)).toEqual([{ id: "a", note: "!" }]);
    expect(await journal.create(firstEntry("b")), "a pod of the older version works on").toEqual([]);
  });

  test("of the version before this one are brought to it, and what ended there can be removed", async () => {
    await migrateTo(migrations.slice(0, 2));
    const columns = "id, facade, fingerprint, request, first_record, phase, owner, writer, ended_at";
    const row = (id: string, phase: string, ended: string) =>
      `('${id}', 'f', 'f1', '\\x01', '\\x', '${phase}', 'pod-0', gen_random_uuid(), ${ended})`;
    await runSql(
      url,
      `INSERT INTO ${schema}.saga (${columns}) VALUES ${row("a", "open", "NULL")}, ${row("b", "completed", "now()")}`,
    );
    const journal = await open();
    expect(await versions()).toEqual(migrations.map((_, at) => at + 1));
    expect(await journal.removeEnded(0, 10)).toBe(1);
    expect((await journal.loadMany(["a", "b"])).map(({ sagaId }) => sagaId)).toEqual(["a"]);
  });

  test("may have got the new index before, by hand, while pods ran", async () => {
    await migrateTo(migrations.slice(0, 2));
    await runSql(url, `CREATE INDEX CONCURRENTLY saga_ended ON ${schema}.saga (ended_at) WHERE ended_at IS NOT NULL`);
    await open();
    expect((await versions()).at(-1)).toBe(version);
  });

  test("are left as they were where a step fails", async () => {
    await open();
    const broken = [...migrations, "ALTER TABLE saga ADD COLUMN note text", "ALTER TABLE nothing ADD COLUMN note text"];
    await expect(migrateTo(broken)).rejects.toThrow("nothing");
    expect(await versions()).toEqual(migrations.map((_, at) => at + 1));
    await migrateTo(broken.slice(0, -1));
    expect((await versions()).at(-1)).toBe(version + 1);
  });

  test("of a newer version are refused, and not touched", async () => {
    const journal = await open();
    await journal.create(firstEntry("a"));
    await migrateTo([...migrations, "ALTER TABLE saga RENAME TO story"]);
    const refused = open();
    await expect(refused).rejects.toMatchObject({ code: "SAGA_JOURNAL_NEWER" });
    await expect(refused).rejects.toThrow(`version ${version + 1}`);
    await expect(refused).rejects.toThrow(`up to ${version}`);
    expect((await versions()).at(-1)).toBe(version + 1);
    expect(await runSql(url, `SELECT id FROM ${schema}.story`)).toEqual([{ id: "a" }]);
  });

  test("of another program are refused, and not touched", async () => {
    await runSql(url, `CREATE SCHEMA ${schema}`);
    await runSql(url, `CREATE TABLE ${schema}.message (dog text)`);
    await expect(open()).rejects.toMatchObject({ code: "SAGA_CONFIG_INVALID" });
    expect(await runSql(url, `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)).toEqual([
      { tablename: "message" },
    ]);
  });

  test("share a database with those of another journal", async () => {
    const journal = await open();
    const neighbour = freshSchema();
    scope.defer(() => dropSchema(neighbour));
    const other = scope.use(await openPostgresJournal({ url, podId: "pod-0", schema: neighbour }));
    await journal.create(firstEntry("a"));
    expect(await other.create(firstEntry("a"))).toEqual([]);
    expect(await numbersOf(other, "a")).toEqual([0]);
  });
});
