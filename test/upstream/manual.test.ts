import { readFileSync } from "node:fs";
import { join } from "node:path";
import { postgresTable } from "protosaga/upstream";
import { expect, test } from "vitest";
import { postgresStatements } from "../../runtime/upstream/postgres-driver.js";
import { repository } from "../support/compiled/program.js";

const manual = readFileSync(join(repository, "docs/reference/upstream-sql.md"), "utf8");
/** The statements of the manual's SQL, without comments, in single spaces. */
const statements = [...manual.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, block = ""]) =>
  block.replaceAll(/--.*/g, "").split(";").map(plain),
);

function plain(sql: string): string {
  return sql.replaceAll(/\s+/g, " ").replaceAll("IF NOT EXISTS ", "").trim();
}

/** A statement with the manual's names for its parameters. */
function named(sql: string, ...names: string[]): string {
  return plain(sql.replaceAll(/\$(\d)/g, (_, at: string) => names[Number(at) - 1] ?? ""));
}

// Implementations in other languages copy the manual's SQL.
test("the manual's SQL is what the driver runs", () => {
  const { insert, settle } = postgresStatements("saga_barriers");
  const [, ...table] = postgresTable().split(";").map(plain);
  expect(table).toHaveLength(2);
  expect(statements).toEqual(
    expect.arrayContaining([
      ...table,
      named(insert, ":key", ":method", ":hash", "'running'"),
      named(insert, ":action_key", "''", "''", "'blocked'"),
      named(settle, ":key", ":code", ":message", ":details", ":response"),
    ]),
  );
});
