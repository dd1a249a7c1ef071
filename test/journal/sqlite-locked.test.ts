import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import { isSagaError } from "../../runtime/core/errors.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { createScope } from "../support/scope.js";
import { firstEntry } from "./entries.js";

const scope = createScope();

test("a file that another program holds for long: all who write are refused at once, and served when it lets go", async () => {
  const path = join(scope.tempDir(), "journal.db");
  const journal = scope.use(openSqliteJournal(path));
  const other = scope.use(new Database(path));
  other.exec("BEGIN IMMEDIATE");
  const began = performance.now();
  const refused = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      journal.create(firstEntry(`saga-${at}`)).then(
        () => new Error("stored"),
        (error: unknown) => error,
      ),
    ),
  );
  const waitedMs = performance.now() - began;
  for (const error of refused) {
    if (!isSagaError(error)) throw error;
    expect(error).toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE", retriable: true });
    expect(error.plain).toContain("locked");
  }
  expect(waitedMs, "not one after the other").toBeLessThan(5_000);
  other.exec("ROLLBACK");
  expect(await journal.create(firstEntry("saga-0"))).toEqual([]);
  expect(await journal.list("open")).toEqual(["saga-0"]);
});
