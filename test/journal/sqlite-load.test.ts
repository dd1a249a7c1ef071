import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry } from "./entries.js";

const scope = createScope();

test("the write-ahead log stays small however much is written", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const journal = scope.use(openSqliteJournal(path));
  let largest = 0;
  const record = new Uint8Array(16_384).fill(7);
  for (let saga = 0; saga < 160; saga++) {
    await journal.create(firstEntry(`s${saga}`, { record }));
    await Promise.all(Array.from({ length: 50 }, (_, at) => journal.append(entry(`s${saga}`, at + 1, { record }))));
    largest = Math.max(largest, statSync(`${path}-wal`).size);
  }
  expect(largest, "of some 130 MB written").toBeLessThan(64 * 1024 * 1024);
  expect((await journal.load("s159"))?.records).toHaveLength(51);
});

test("another program that holds the file for a moment is waited for", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const journal = scope.use(openSqliteJournal(path));
  const program = `
    const Database = require("libsql");
    const db = new Database(process.argv[1]);
    db.exec("BEGIN IMMEDIATE");
    process.stdout.write("held\\n");
    setTimeout(() => db.exec("COMMIT"), 200);`;
  const holder = spawn(process.execPath, ["-e", program, path], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(holder, "exit");
  await once(holder.stdout, "data");
  await expect(journal.create(firstEntry("a"))).resolves.toEqual([]);
  await gone;
});

test("an answer that can't be read is its saga's trouble alone", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const journal = scope.use(openSqliteJournal(path));
  await journal.create(firstEntry("a"));
  await journal.create(firstEntry("b"));
  const other = new Database(path);
  other.prepare("UPDATE saga SET answer = ? WHERE id = 'a'").run([Buffer.from([0x0a, 0x7f])]);
  other.close();
  await expect(journal.load("a")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
  expect((await journal.load("b"))?.sagaId).toBe("b");
});
