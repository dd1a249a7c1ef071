import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspectPostgresJournal, openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { inspectSqliteJournal } from "../../runtime/journal/sqlite/open.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry } from "./entries.js";

const scope = createScope();
const { facade, fingerprint } = firstEntry("s");
const found = [{ facade, fingerprint, open: 2, stuck: 0, oldestMs: expect.any(Number), sagaIds: ["a", "b"] }];

/** The journal's files that hold anything, with their bytes and times. */
function filesIn(directory: string) {
  const names = readdirSync(directory).filter((name) => /\.db(-wal)?$/.test(name));
  return names.map((name) => {
    const path = join(directory, name);
    return [name, statSync(path).mtimeMs, readFileSync(path).toString("base64")];
  });
}

test("inspecting a journal file needs no lock, shows what is stored, and does not change the file", async () => {
  const directory = scope.tempDir();
  const path = join(directory, "journal.db");
  expect(inspectSqliteJournal(path)).toBeUndefined();
  expect(existsSync(path)).toBe(false);
  const journal = scope.use(openSqliteJournal(path));
  await journal.create(firstEntry("a"));
  await journal.create(firstEntry("b"));
  const before = filesIn(directory);
  expect(before).toHaveLength(2);
  expect(inspectSqliteJournal(path)).toEqual(found);
  expect(filesIn(directory)).toEqual(before);
  await journal.append(entry("a", 1));
  expect(inspectSqliteJournal(path), "again, while it goes on").toEqual(found);

  // As a server that was killed leaves it: the file and its log.
  const crashed = scope.tempDir();
  for (const name of ["journal.db", "journal.db-wal"]) {
    copyFileSync(join(directory, name), join(crashed, name));
  }
  const left = filesIn(crashed);
  expect(inspectSqliteJournal(join(crashed, "journal.db"))).toEqual(found);
  expect(filesIn(crashed)).toEqual(left);
  await journal.close();
  expect(inspectSqliteJournal(path)).toEqual(found);
});

test("inspecting a file that is no journal fails with the reason", () => {
  const path = join(scope.tempDir(), "journal.db");
  writeFileSync(path, "no database at all".repeat(100));
  expect(() => inspectSqliteJournal(path)).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_CORRUPT" }));
  writeFileSync(path, "");
  expect(inspectSqliteJournal(path)).toBeUndefined();
});

describePostgres("a look at a journal on PostgreSQL", () => {
  test("makes nothing, takes no lease, and sees what is stored", async () => {
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    const look = async () => (await inspectPostgresJournal(url, schema)).inFlight;
    expect(await look()).toBeUndefined();
    expect(await runSql(url, "SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
    const journal = scope.use(await openPostgresJournal({ url, schema, podId: "look" }));
    await journal.create(firstEntry("a"));
    await journal.create(firstEntry("b"));
    const beats = () => runSql(url, `SELECT id FROM "${schema}".pod`);
    const before = await beats();
    expect(await look()).toEqual(found);
    expect(await beats()).toEqual(before);
    await runSql(url, `INSERT INTO "${schema}".schema_version (version) VALUES (999)`);
    await expect(look()).rejects.toMatchObject({ code: "SAGA_JOURNAL_NEWER" });
  });
});
