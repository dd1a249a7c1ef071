import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { entry, firstEntry, numbered } from "./entries.js";

/** A journal's files as a process leaves them that is killed. */
interface Files {
  readonly main: Buffer;
  readonly log: Buffer;
}

/** A journal that was killed, and what it had said to be stored. */
interface Killed extends Files {
  /** In their order: how many records of which saga there are once an entry is stored, and where the log ends by then. */
  readonly entries: readonly { readonly id: string; readonly records: number; readonly logEnd: number }[];
  /** How many entries were stored when the log began anew; their pages are in the main file, and synced. */
  readonly moved: number;
}

/** Where a write-ahead log ends: behind the last frame that bears the salts of its head (sqlite.org/fileformat.html). */
function logEnd(log: Buffer): number {
  const frame = 24 + log.readUInt32BE(8);
  let at = 32;
  while (at + frame <= log.length && log.compare(log, 16, 24, at + 8, at + 16) === 0) at += frame;
  return at;
}

/**
 * Writes entries one after the other, each of which is synced before the next, and takes the files without closing them.
 * @param before how many sagas that have ended are written before: enough of them have the log begin anew
 */
async function write(path: string, count: number, before = 0): Promise<Killed> {
  const journal = openSqliteJournal(path);
  const ended = Array.from({ length: before }, (_, n) => firstEntry(`ended-${n}`, { phase: "completed" }));
  await Promise.all(ended.map((first) => journal.create(first)));
  const sagas: { id: string; records: number }[] = [];
  const entries: Killed["entries"][number][] = [];
  let salts = "";
  let moved = 0;
  for (let n = 0; n < count; n++) {
    const saga = sagas[(n * 7) % (sagas.length + 1)];
    const at = saga ?? { id: `saga-${n}`, records: 0 };
    if (saga === undefined) {
      await journal.create(firstEntry(at.id, { request: new Uint8Array(n * 13).fill(n) }));
      sagas.push(at);
    } else {
      await journal.append(entry(at.id, at.records, { record: Buffer.concat([numbered(at.records), padding(n)]) }));
    }
    at.records++;
    const log = readFileSync(`${path}-wal`);
    if (log.toString("hex", 16, 24) !== salts) {
      salts = log.toString("hex", 16, 24);
      moved = n;
    }
    entries.push({ ...at, logEnd: logEnd(log) });
  }
  const files = { main: readFileSync(path), log: readFileSync(`${path}-wal`) };
  await journal.close();
  return { ...files, entries, moved };
}

/** An unknown field of some bytes. */
function padding(n: number): Uint8Array {
  return Uint8Array.of(0xfa, 0x07, 100, ...new Uint8Array(100).fill(n));
}

/** What was harmed, how, and from where on. */
interface Harm {
  readonly how: "cut" | "zeroes" | "noise" | "flip";
  readonly at: number;
  readonly length: number;
  readonly noise: number;
}

function harmed(bytes: Buffer, { how, at, length, noise }: Harm): Buffer {
  if (how === "cut") return bytes.subarray(0, at);
  const copy = Buffer.from(bytes);
  const end = how === "flip" ? at + 1 : Math.min(copy.length, at + length);
  for (let i = at; i < end; i++) copy[i] = how === "zeroes" ? 0 : (copy[i] ?? 0) ^ (1 + ((noise * (i + 1)) % 255));
  return copy;
}

function firstChange(before: Buffer, after: Buffer): number {
  for (let at = 0; at < before.length; at++) if (before[at] !== after[at]) return at;
  return before.length;
}

const harm = (from: number, to: number) =>
  fc.record<Harm>({
    how: fc.constantFrom("cut", "zeroes", "noise", "flip"),
    at: fc.integer({ min: from, max: to - 1 }),
    length: fc.constantFrom(1, 512, 4_096, 1_000_000),
    noise: fc.integer({ min: 1, max: 1_000_000 }),
  });

describe("a journal whose process was killed and whose last writes are torn", () => {
  let fresh: Killed;
  let again: Killed;
  let copies = 0;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "protosaga-torn-"));
    fresh = await write(join(folder, "fresh.db"), 60);
    again = await write(join(folder, "again.db"), 80, 4_000);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function place({ main, log }: Files): string {
    const path = join(folder, `torn-${copies++}.db`);
    writeFileSync(path, main);
    writeFileSync(`${path}-wal`, log);
    return path;
  }

  async function recordsOf(journal: Journal): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const id of await journal.list("open")) {
      const stored = await journal.load(id);
      stored?.records.forEach((record, at) => {
        expect(Buffer.from(record).subarray(0, numbered(at).length).equals(numbered(at)), `${id}/${at}`).toBe(true);
      });
      expect(new Set(stored?.request).size, id).toBeLessThanOrEqual(1);
      found.set(id, stored?.records.length ?? 0);
    }
    return found;
  }

  function after(killed: Killed, count: number): Map<string, number> {
    return new Map(killed.entries.slice(0, count).map(({ id, records }) => [id, records]));
  }

  async function expectEntries(killed: Killed, files: Files, count: number): Promise<void> {
    const journal = openSqliteJournal(place(files));
    try {
      expect(await recordsOf(journal)).toEqual(after(killed, count));
      await journal.create(firstEntry("after"));
    } finally {
      await journal.close();
    }
  }

  test.each(["a log", "a log that is written over"])(
    "%s: all before the torn place is there, and nothing behind it",
    async (what) => {
      const killed = what === "a log" ? fresh : again;
      expect(killed.moved > 0).toBe(what !== "a log");
      const end = killed.entries.at(-1)?.logEnd ?? 0;
      expect(killed.entries.slice(killed.moved).length).toBeGreaterThan(20);
      await fc.assert(
        fc.asyncProperty(harm(0, end), async (one) => {
          const log = harmed(killed.log, one);
          const torn = firstChange(killed.log, log);
          const intact = killed.entries.filter(({ logEnd }, n) => n < killed.moved || logEnd <= torn).length;
          await expectEntries(killed, { main: killed.main, log }, intact);
        }),
        { numRuns: 60 },
      );
    },
  );

  test("the file, while its pages are in the log: all is there, or it is said to be corrupt", async () => {
    let sound = 0;
    await fc.assert(
      fc.asyncProperty(harm(0, fresh.main.length), async (one) => {
        try {
          await expectEntries(fresh, { main: harmed(fresh.main, one), log: fresh.log }, fresh.entries.length);
          sound++;
        } catch (error) {
          if (!isSagaError(error)) throw error;
          expect(["SAGA_JOURNAL_CORRUPT", "SAGA_JOURNAL_NEWER"]).toContain(error.code);
        }
      }),
      { numRuns: 120, examples: [[{ how: "cut", at: 0, length: 1, noise: 1 }]] },
    );
    expect(sound).toBeGreaterThan(10);
  });

  test("the file, cut off behind its head although it was synced: it is said to be corrupt", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: again.main.length - 1 }), async (at) => {
        const cut = { main: again.main.subarray(0, at), log: Buffer.alloc(0) };
        expect(() => openSqliteJournal(place(cut))).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_CORRUPT" }));
      }),
      { numRuns: 40, examples: [[again.main.length - 120]] },
    );
  });
});
