import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { beforeEach, describe, expect, test } from "vitest";
import { isSagaError, type SagaError } from "../../runtime/core/errors.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { schemaVersion } from "../../runtime/journal/sqlite/schema.js";
import { createScope } from "../support/scope.js";
import { firstEntry, numbersOf } from "./entries.js";

const scope = createScope();
let path: string;
beforeEach(() => {
  path = join(scope.tempDir(), "journal.db");
});

const holder = "test/journal/journal-process.ts";
const pageSize = 4_096;

/** Makes a journal of many pages, closed in good order. */
async function makeJournal(): Promise<void> {
  const journal = openSqliteJournal(path);
  const ids = Array.from({ length: 200 }, (_, at) => `saga-${at}`);
  await Promise.all(ids.map((id) => journal.create(firstEntry(id, { request: new Uint8Array(500).fill(7) }))));
  await journal.close();
}

function flipPageInTheMiddle(): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / pageSize / 2) * pageSize;
  for (let at = middle; at < middle + pageSize; at++) {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  }
  writeFileSync(path, bytes);
}

/** What opening the journal is refused with. */
function refusal(): SagaError {
  try {
    scope.use(openSqliteJournal(path));
  } catch (error) {
    if (isSagaError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error("the journal was opened");
}

/** The bytes of the file and of what SQLite keeps beside it. */
function files(): (string | undefined)[] {
  return ["", "-wal"].map((end) => (existsSync(path + end) ? readFileSync(path + end, "hex") : undefined));
}

/** Lets another program write to the file, in a way of its own. */
function edit(sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

describe("a file that is no sound journal is refused, and not touched:", () => {
  test.each<readonly [string, () => Promise<void> | void]>([
    ["random bytes", () => writeFileSync(path, randomBytes(20_000))],
    ["a few bytes", () => writeFileSync(path, "SQLite")],
    [
      "a journal cut in the middle of a page",
      async () => {
        await makeJournal();
        truncateSync(path, 10 * pageSize + 123);
      },
    ],
    [
      "a journal that lost its last pages",
      async () => {
        await makeJournal();
        truncateSync(path, readFileSync(path).length - 3 * pageSize);
      },
    ],
    [
      "a journal of which nothing but the head is left",
      async () => {
        await makeJournal();
        truncateSync(path, 100);
      },
    ],
    [
      "a journal with a flipped page in the middle",
      async () => {
        await makeJournal();
        flipPageInTheMiddle();
      },
    ],
    ["another program's database", () => edit("CREATE TABLE dog (name TEXT); INSERT INTO dog VALUES ('Laika')")],
    ["another program's database, with a mark", () => edit("PRAGMA application_id = 77; CREATE TABLE dog (name TEXT)")],
    ["another program's database, with a version", () => edit("PRAGMA user_version = 3; CREATE TABLE dog (name TEXT)")],
    ["another program's database in WAL mode", () => edit("PRAGMA journal_mode = WAL; CREATE TABLE dog (name TEXT)")],
  ])("%s", async (_, make) => {
    await make();
    const before = readFileSync(path);
    const { code, message } = refusal();
    expect(code).toBe("SAGA_JOURNAL_CORRUPT");
    expect(message).toContain(path);
    expect(message).toContain("not touched");
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });

  test("nor does the end of the refusing process touch it, with the log of one that was killed", async () => {
    await makeJournal();
    await scope.start(holder, { args: [path, "leave-log"] }).exited;
    flipPageInTheMiddle();
    const before = files();
    expect(before[1], "there is a log").not.toBe("");

    const refused = scope.start(holder, { args: [path, "hold"] });
    expect(await refused.exited).toEqual({ code: 1, signal: null });
    expect(refused.stderr()).toContain("SAGA_JOURNAL_CORRUPT");
    expect(files()).toEqual(before);
  });
});

describe("a journal of a newer protosaga is refused, and not touched,", () => {
  const newer = schemaVersion + 1;

  test("where the file says so", async () => {
    await makeJournal();
    edit(`PRAGMA user_version = ${newer}`);
    const before = files();
    const { code, message } = refusal();
    expect(code).toBe("SAGA_JOURNAL_NEWER");
    expect(message).toContain(`version ${newer}`);
    expect(message).toContain(`up to ${schemaVersion}`);
    expect(files()).toEqual(before);
  });

  test("where only the log of a process that was killed says so; nor when the refusing process ends", async () => {
    await makeJournal();
    const other = join(scope.tempDir(), "journal.db");
    const db = new Database(path);
    db.exec(`PRAGMA user_version = ${newer}`);
    // As a process leaves them that is killed here.
    copyFileSync(path, other);
    copyFileSync(`${path}-wal`, `${other}-wal`);
    db.close();
    path = other;
    const before = files();
    const refused = scope.start(holder, { args: [path, "hold"] });
    expect(await refused.exited).toEqual({ code: 1, signal: null });
    expect(refused.stderr()).toContain("SAGA_JOURNAL_NEWER");
    expect(files()).toEqual(before);
  });
});

describe("a journal is made", () => {
  test("where there is neither file nor folder", async () => {
    path = join(path, "a", "b", "journal.db");
    const journal = scope.use(openSqliteJournal(path));
    await journal.create(firstEntry("a"));
    expect(await numbersOf(journal, "a")).toEqual([0]);
  });

  test("of an empty file, which a process that was killed may leave", async () => {
    writeFileSync(path, "");
    const journal = scope.use(openSqliteJournal(path));
    await journal.create(firstEntry("a"));
    expect(await numbersOf(journal, "a")).toEqual([0]);
  });

  test("of a database without tables, which a process that was killed may leave", async () => {
    edit("PRAGMA journal_mode = WAL");
    const journal = scope.use(openSqliteJournal(path));
    await journal.create(firstEntry("a"));
    expect(await numbersOf(journal, "a")).toEqual([0]);
  });

  test("with a head that tells what it is before anything is stored", () => {
    scope.use(openSqliteJournal(path));
    expect(readFileSync(path).toString("latin1", 68, 72)).toBe("saga");
    expect(readFileSync(path).readUInt32BE(60)).toBe(schemaVersion);
  });
});

describe("a place where nothing can be stored is named, with the reason:", () => {
  test("below a regular file", () => {
    writeFileSync(path, "I am no folder");
    const file = path;
    path = join(file, "data", "journal.db");
    const { code, message } = refusal();
    expect(code).toBe("SAGA_JOURNAL_UNAVAILABLE");
    expect(message).toContain(path);
    expect(message).toContain("ENOTDIR");
    expect(readFileSync(file, "utf8")).toBe("I am no folder");
  });

  test("a folder", () => {
    mkdirSync(path);
    const { code, message } = refusal();
    expect(code).toBe("SAGA_JOURNAL_UNAVAILABLE");
    expect(message).toContain(path);
    expect(message).toContain("EISDIR");
  });

  test("and a refused journal is not held", async () => {
    writeFileSync(path, "no journal");
    expect(refusal().code).toBe("SAGA_JOURNAL_CORRUPT");
    writeFileSync(path, "");
    const journal = scope.use(openSqliteJournal(path));
    expect(await journal.list("open")).toEqual([]);
  });
});
