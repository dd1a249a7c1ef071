import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { openSqlite } from "../../runtime/journal/sqlite/open.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { numbersOf } from "./entries.js";

const scope = createScope();
const holder = "test/journal/journal-process.ts";
const killed = { code: null, signal: "SIGKILL" };

test("what was said to be stored is there after SIGKILL, with its messages, time and again", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const said: string[] = [];
  for (const atLeast of [1, 50, 400]) {
    const writer = scope.start(holder, { args: [path, "write"] });
    await writer.line("ready");
    const lines = () => writer.stdout().split("\n").slice(0, -1);
    await until(() => lines().length > atLeast, { what: `${atLeast} writes` });
    expect(await writer.kill9()).toEqual(killed);
    said.push(...lines().flatMap((line) => (line.startsWith("stored ") ? [line.slice("stored ".length)] : [])));
  }
  expect(said.length).toBeGreaterThan(450);

  const journal = scope.use(openSqliteJournal(path));
  const stored: string[] = [];
  for (const id of await journal.list("open")) {
    const numbers = await numbersOf(journal, id);
    stored.push(...(numbers ?? []).map((number) => `${id}/${number}`));
  }
  expect(stored).toEqual(expect.arrayContaining(said));
  const messages = await journal.messages.pending();
  expect(messages.map(({ body }) => body).sort(), "each entry has its message, each message its entry").toEqual(
    stored.sort(),
  );
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
