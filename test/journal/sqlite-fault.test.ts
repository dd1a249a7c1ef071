import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { describeFaultyDisk, type FaultyDisk, faultyDisk } from "../support/faulty-disk.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { holder, killed } from "./kill-conformance.js";

describeFaultyDisk("a journal in SQLite on a disk that fails", () => {
  const scope = createScope();

  /** Entries of one writer are committed on the main thread, those of several in threads. */
  function start(disk: FaultyDisk, task: "persist" | "persist-alone" = "persist") {
    const writer = scope.start(holder, { args: [join(disk.path, "journal.db"), task], env: disk.env });
    const lines = (start: string) =>
      writer
        .stdout()
        .split("\n")
        .slice(0, -1)
        .flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
    return { writer, stored: () => lines("stored "), refused: () => lines("refused ") };
  }

  /** What a journal holds, as `<saga>/<entry>`: its messages, each of which was stored with its entry. */
  async function held(folder: string): Promise<string[]> {
    const journal = scope.use(openSqliteJournal(join(folder, "journal.db")));
    const bodies = (await journal.messages.pending()).map(({ body }) => body);
    const open = await journal.list("open");
    const records = await Promise.all(open.map(async (id) => [id, (await journal.load(id))?.records.length] as const));
    expect(
      records.flatMap(([id, count]) => Array.from({ length: count ?? 0 }, (_, at) => `${id}/${at}`)).sort(),
    ).toEqual(bodies.sort());
    return bodies;
  }

  test.each([
    ["several writers", "persist"],
    ["one writer", "persist-alone"],
  ] as const)("a power cut loses unsynced writes, but nothing that %s stored", async (_, task) => {
    for (const atLeast of [3, 300, 1_500]) {
      const disk = faultyDisk(scope);
      const { writer, stored } = start(disk, task);
      await until(() => stored().length > atLeast, { what: `${atLeast} entries` });
      expect(await writer.kill9()).toEqual(killed);
      const left = new Set(await held(disk.synced));
      expect(stored().filter((name) => !left.has(name))).toEqual([]);
    }
  });

  test.each([
    ["fsync", "EIO", "persist"],
    ["fsync", "EIO", "persist-alone"],
    ["write", "EIO", "persist"],
    ["write", "EIO", "persist-alone"],
    ["write", "ENOSPC", "persist"],
    ["write", "EROFS", "persist"],
  ] as const)(
    "%s fails with %s (%s): what is refused is not stored, what is stored outlives a power cut, and it goes on",
    async (call, error, task) => {
      const disk = faultyDisk(scope);
      const { writer, stored, refused } = start(disk, task);
      await until(() => stored().length > 200, { what: "entries" });
      disk.fail(call, error);
      await until(() => refused().length > 40, { what: "refusals" });
      const during = stored().length;
      await until(() => refused().length > 80, { what: "more refusals" });
      expect(stored().length, "nothing is said to be stored meanwhile").toBe(during);
      disk.heal();
      await until(() => stored().length > during + 200, { what: "entries once the disk is well again" });
      disk.fail(call, error);
      await until(() => refused().length > 160, { what: "refusals once more" });
      expect(await writer.kill9(), writer.stderr()).toEqual(killed);
      for (const folder of [disk.synced, disk.path]) {
        const left = new Set(await held(folder));
        expect(stored().filter((name) => !left.has(name))).toEqual([]);
      }
    },
  );

  test("the log can't be moved into the file: it grows, nothing is refused, and it is moved once that can be done", async () => {
    const disk = faultyDisk(scope);
    const { writer, stored, refused } = start(disk);
    await writer.line("stored");
    disk.fail("write", "EIO", "journal.db");
    const size = (end: string) => statSync(join(disk.path, `journal.db${end}`)).size;
    await until(() => writer.stderr().includes("can't be moved") && size("-wal") > 6_000_000, {
      what: "a log that grows",
    });
    expect(refused()).toEqual([]);
    expect(size(""), "nothing was moved").toBeLessThan(100_000);
    disk.heal();
    await until(() => size("") > 5_000_000, { what: "the log to be moved" });
    expect(refused()).toEqual([]);
    expect(writer.stderr().split("can't be moved").length, "told once").toBe(2);
    expect(await writer.kill9()).toEqual(killed);
    const left = new Set(await held(disk.synced));
    expect(stored().filter((name) => !left.has(name))).toEqual([]);
  });
});
