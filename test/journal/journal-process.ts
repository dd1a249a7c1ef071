// A process that holds a journal: `<path> <task>`, or `<PostgreSQL's URL> <schema> <task>`. It prints "ready" and what
// its task says, and ends by being killed.
import { writeSync } from "node:fs";
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
