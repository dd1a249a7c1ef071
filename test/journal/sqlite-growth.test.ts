import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { beforeEach, describe, expect, test } from "vitest";
import { openSqliteJournal, queries } from "../../runtime/journal/sqlite/journal.js";
import { schemaVersion } from "../../runtime/journal/sqlite/schema.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry, numbered, numbersOf } from "./entries.js";

const scope = createScope();
let path: string;
beforeEach(() => {
  path = join(scope.tempDir(), "journal.db");
});

const pageSize = 4_096;

/** The tables as protosaga 0.1.0 made them, and they are never to change. */
const versionOne = `
CREATE TABLE saga (
  id TEXT NOT NULL PRIMARY KEY,
  facade TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  request BLOB NOT NULL,
  first_record BLOB NOT NULL,
  phase TEXT NOT NULL,
  answer BLOB,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
);
CREATE INDEX saga_unfinished ON saga (phase) WHERE phase IN ('open', 'stuck');
CREATE TABLE record (
  saga_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (saga_id, seq)
) WITHOUT ROWID;
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  dead_reason TEXT
);
PRAGMA application_id = 1935763297;
PRAGMA user_version = 1;
`;

/** Makes a journal file of the first version, with sagas in it. */
function makeVersionOne(): void {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.exec(versionOne);
  const saga = db.prepare(
    "INSERT INTO saga (id, facade, fingerprint, request, first_record, phase, created_at_ms, ended_at_ms) VALUES (?, 'f', 'f1', x'01', ?, ?, 1, ?)",
  );
  const record = db.prepare("INSERT INTO record (saga_id, seq, record) VALUES (?, 1, ?)");
  for (const [id, phase, ended] of [
    ["a", "open", null],
    ["b", "completed", 2],
    ["c", "stuck", null],
  ]) {
    saga.run(id, numbered(0), phase, ended);
    record.run(id, numbered(1));
  }
  db.close();
}

describe("a journal file of the first version", () => {
  test("is brought to this one when it is opened, and keeps what it holds", async () => {
    makeVersionOne();
    const journal = scope.use(openSqliteJournal(path));
    expect(readFileSync(path).readUInt32BE(60), "the head of the file says so, too").toBe(schemaVersion);
    for (const id of ["a", "b", "c"]) {
      expect(await numbersOf(journal, id)).toEqual([0, 1]);
    }
    expect(await journal.list("open")).toEqual(["a"]);
    expect(await journal.list("stuck")).toEqual(["c"]);
    await journal.append(entry("a", 2));
    expect(await journal.removeEnded(0, 100), "it ended before, and the new index knows").toBe(1);
    expect(await journal.load("b")).toBeUndefined();
  });

  test("is refused where any of it is damaged, and not touched", () => {
    makeVersionOne();
    const db = new Database(path);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4 * pageSize, 5 * pageSize);
    writeFileSync(path, bytes);
    expect(() => openSqliteJournal(path)).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_CORRUPT" }));
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  });

  test("stays as it is where it can't be brought to this one, and can be later", async () => {
    makeVersionOne();
    const other = scope.use(new Database(path));
    other.exec("CREATE TABLE entry (in_the_way TEXT)"); // As a full disk would, in the middle.
    expect(() => openSqliteJournal(path)).toThrow("entry");
    expect(other.prepare("SELECT id FROM saga ORDER BY id").all()).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
    expect(other.pragma("user_version")).toEqual([{ user_version: 1 }]);
    other.exec("DROP TABLE entry");
    const journal = scope.use(openSqliteJournal(path));
    expect(await numbersOf(journal, "b")).toEqual([0, 1]);
  });

  test("has the same tables then as a new one", () => {
    makeVersionOne();
    const fresh = join(scope.tempDir(), "fresh.db");
    const schemaOf = (file: string) => {
      void openSqliteJournal(file).close();
      const db = scope.use(new Database(file));
      return db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").all();
    };
    expect(schemaOf(path)).toEqual(schemaOf(fresh));
  });
});

test.each(Object.entries(queries))("%s finds its rows by an index", (name, sql) => {
  void openSqliteJournal(path).close();
  const db = scope.use(new Database(path));
  const asked = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array.from(sql.matchAll(/\?/g), () => "1"));
  const plan = (asked as { detail: string }[]).map(({ detail }) => detail);
  const first = plan.find((detail) => /^(SEARCH|SCAN) saga|entry/.test(detail));
  expect(first, plan.join("; ")).toMatch(/^SEARCH \w+ USING (INDEX|COVERING INDEX|PRIMARY KEY|INTEGER PRIMARY KEY) /);
  if (name !== "inFlight") {
    expect(plan.join(), "and sorts nothing").not.toContain("TEMP B-TREE");
  }
});

test("when a saga ended is what the journal's own clock says", async () => {
  let now = 1_000_000;
  const journal = scope.use(openSqliteJournal(path, { now: () => now }));
  await journal.create(firstEntry("a", { phase: "completed" }));
  now += 999;
  expect(await journal.removeEnded(1_000, 10)).toBe(0);
  now += 1;
  expect(await journal.removeEnded(1_000, 10)).toBe(1);
});

test("what is removed makes room for what comes: the file does not grow on", async () => {
  const journal = scope.use(openSqliteJournal(path));
  const request = new Uint8Array(1_000).fill(7);
  const sizes: number[] = [];
  for (let round = 0; round < 6; round++) {
    const ids = Array.from({ length: 400 }, (_, at) => `${round}-${at}`);
    await Promise.all(ids.map((id) => journal.create(firstEntry(id, { request, phase: "completed" }))));
    while ((await journal.removeEnded(0, 100)) > 0);
    const db = new Database(path);
    const [count] = db.pragma("page_count") as { page_count: number }[];
    db.close();
    sizes.push(count?.page_count ?? 0);
  }
  expect(sizes.at(-1)).toBeLessThan((sizes[0] ?? 0) * 1.2);
});

test("a file that was cut is refused, and not touched, also where only ended sagas are lost", async () => {
  const journal = openSqliteJournal(path);
  const ids = Array.from({ length: 200 }, (_, at) => `saga-${at}`);
  await Promise.all(ids.map((id) => journal.create(firstEntry(id, { phase: "completed" }))));
  await journal.close();
  truncateSync(path, readFileSync(path).length - 2 * pageSize);
  const before = readFileSync(path);
  expect(() => openSqliteJournal(path)).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_CORRUPT" }));
  expect(Buffer.compare(readFileSync(path), before)).toBe(0);
});

describe("a damaged page that only ended sagas are on", () => {
  /** A journal of many ended sagas and one open one, closed in good order, and then with a page flipped. */
  async function makeDamaged(): Promise<string[]> {
    const journal = openSqliteJournal(path);
    const request = new Uint8Array(900).fill(7);
    const ids = Array.from({ length: 300 }, (_, at) => `saga-${at}`);
    await journal.create(firstEntry("open one"));
    await Promise.all(ids.map((id) => journal.create(firstEntry(id, { request, phase: "completed" }))));
    await journal.close();
    const db = new Database(path);
    // A page of rows that is in the middle of the table.
    const pages = db
      .prepare("SELECT pageno FROM dbstat WHERE name = 'saga' AND pagetype = 'leaf' ORDER BY pageno")
      .all();
    db.close();
    const page = (pages as { pageno: number }[])[Math.floor(pages.length / 2)]?.pageno ?? 0;
    const bytes = readFileSync(path);
    for (let at = (page - 1) * pageSize; at < page * pageSize; at++) {
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    }
    writeFileSync(path, bytes);
    return ids;
  }

  test("is an error when it is read, and never a missing saga; all others can be read", async () => {
    const ids = await makeDamaged();
    const journal = scope.use(openSqliteJournal(path));
    const seen = await Promise.allSettled(ids.map((id) => journal.load(id)));
    const refused = seen.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(20);
    for (const error of refused) {
      expect(error).toMatchObject({ code: "SAGA_JOURNAL_CORRUPT" });
      expect(error.message).toContain(path);
    }
    const found = seen.flatMap((one) => (one.status === "fulfilled" ? [one.value?.sagaId] : []));
    expect(found).not.toContain(undefined);
    expect(await numbersOf(journal, "open one")).toEqual([0]);
    const lost = ids.find((_, at) => seen[at]?.status === "rejected") ?? "";
    expect(await journal.create(firstEntry(lost)), "it is not begun a second time").toBe("exists");
    expect(await journal.create(firstEntry("new"))).toEqual([]);
    const removeAll = async () => {
      while ((await journal.removeEnded(0, 1_000)) > 0); // A batch is cut short where it takes long.
    };
    await expect(removeAll()).rejects.toMatchObject({ code: "SAGA_JOURNAL_CORRUPT" });
  });

  test("has the journal refused, and not touched, where all of it is to be looked through", async () => {
    await makeDamaged();
    const before = readFileSync(path);
    expect(() => openSqliteJournal(path, { fullCheck: true })).toThrow(
      expect.objectContaining({ code: "SAGA_JOURNAL_CORRUPT" }),
    );
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });
});
