import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { openSqlite } from "../../runtime/journal/sqlite/open.js";
import { createScope } from "../support/scope.js";
import { numbersOf } from "./entries.js";
import { holder, killConformance, killed } from "./kill-conformance.js";

const scope = createScope();

killConformance("SQLite", scope, async () => {
  const path = join(scope.tempDir(), "journal.db");
  return { args: [path], open: () => openSqliteJournal(path) };
});

test("a process killed between an entry and its messages leaves neither", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const writer = scope.start(holder, { args: [path, "die-within"] });
  expect(await writer.exited, writer.stderr()).toEqual(killed);

  const journal = scope.use(openSqliteJournal(path));
  expect(await journal.load("half")).toBeUndefined();
  expect(await journal.messages.pending()).toEqual([]);
});

test("the log that a killed process left is taken over", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const writer = scope.start(holder, { args: [path, "leave-log"] });
  expect(await writer.exited, writer.stderr()).toEqual(killed);

  const journal = scope.use(openSqliteJournal(path));
  expect(await numbersOf(journal, "in the log")).toEqual([0]);
  expect(await journal.messages.pending()).toEqual([expect.objectContaining({ body: "in the log" })]);
});

test("a journal that another process holds is refused until that one has ended, however it ends", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const server = scope.start(holder, { args: [path, "hold"] });
  await server.line("ready");
  const locked = expect.objectContaining({ name: "SagaError", code: "SAGA_JOURNAL_LOCKED" });
  expect(() => openSqliteJournal(path)).toThrow(locked);
  expect(() => openSqliteJournal(path)).toThrow("in use by another server");
  await server.kill9();
  scope.use(openSqliteJournal(path));
});

test("a journal is refused to the process that already holds it", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const first = scope.use(openSqliteJournal(path));
  expect(() => openSqliteJournal(path)).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_LOCKED" }));
  await first.close();
  scope.use(openSqliteJournal(path));
});

test("a commit waits for the disk: SIGKILL can't tell, a power cut would", () => {
  const db = scope.use(openSqlite(join(scope.tempDir(), "journal.db")));
  const [mode] = db.pragma("journal_mode") as { journal_mode: string }[];
  const [synchronous] = db.pragma("synchronous") as { synchronous: number }[];
  expect([mode?.journal_mode, synchronous?.synchronous]).toEqual(["wal", 2]);
});
