// A process that holds a journal: `<path> <task>`, or `<PostgreSQL's URL> <schema> <task>`. It prints "ready" and what
// its task says, and ends by being killed.
import { writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { isSagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { entry, firstEntry } from "./entries.js";

const place = process.argv.slice(2, -1);
const task = process.argv.at(-1);
/** Straight to the pipe: what a process that is killed had only buffered would be lost. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function dieAtOnce(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("still here");
}

const message = (body: string) => ({ topic: "t", key: body, body });

/** Writes sagas of two entries, eight at a time, each entry with a message, and says which entries were stored. */
async function write(journal: Journal, from: number): Promise<void> {
  for (let number = from; ; number += 8) {
    const id = `${process.pid}-${number}`;
    await journal.create(firstEntry(id, { messages: [message(`${id}/0`)] }));
    say(`stored ${id}/0`);
    await journal.append(entry(id, 1, { messages: [message(`${id}/1`)] }));
    say(`stored ${id}/1`);
  }
}

/** As `write`, and tries again, and says so, where an entry is refused. Each record has some size, so that the log is moved. */
async function persist(journal: Journal, from: number): Promise<void> {
  const record = new Uint8Array(4_000).fill(from);
  const tryOn = async (name: string, store: () => Promise<unknown>) => {
    for (let stored = false; !stored; ) {
      try {
        // A saga that is there although its first entry was refused: storing it must have been told as a success.
        if ((await store()) === "exists") throw new Error(`${name} is there already`);
        stored = true;
        say(`stored ${name}`);
      } catch (error) {
        if (!isSagaError(error) || error.code !== "SAGA_JOURNAL_UNAVAILABLE") throw error;
        say(`refused ${name}: ${error.plain}`);
        await setImmediate();
      }
    }
  };
  for (let number = from; ; number += 8) {
    const id = `${process.pid}-${number}`;
    await tryOn(`${id}/0`, () => journal.create(firstEntry(id, { messages: [message(`${id}/0`)], record })));
    await tryOn(`${id}/1`, () => journal.append(entry(id, 1, { messages: [message(`${id}/1`)], record })));
  }
}

/** Dies while an entry is stored together with its messages: the second is read when the first is in. */
function dieWithin(journal: Journal): void {
  const second = {
    topic: "t",
    key: "k",
    get body(): string {
      return dieAtOnce();
    },
  };
  void journal.create(firstEntry("half", { messages: [message("half"), second] }));
}

/** Leaves a write-ahead log that nobody folded into the file. */
async function leaveLog(journal: Journal): Promise<void> {
  await journal.create(firstEntry("in the log", { messages: [message("in the log")] }));
  dieAtOnce();
}

async function run(journal: Journal): Promise<void> {
  say("ready");
  switch (task) {
    case "write":
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((from) => write(journal, from)));
      break;
    case "persist":
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((from) => persist(journal, from)));
      break;
    case "persist-alone":
      await persist(journal, 1);
      break;
    case "die-within":
      dieWithin(journal);
      break;
    case "leave-log":
      await leaveLog(journal);
      break;
    case "hold":
      setInterval(() => {}, 60_000);
      break;
  }
}

async function open([where = "", schema]: readonly string[]): Promise<Journal> {
  return schema === undefined
    ? openSqliteJournal(where)
    : await openPostgresJournal({ url: where, schema, podId: "killed" });
}

try {
  await run(await open(place));
} catch (error) {
  // As the server does: Node then ends in good order, and closes what it still has open.
  process.stderr.write(String(error));
  process.exitCode = 1;
}
