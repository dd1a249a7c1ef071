import { describe } from "vitest";
import { describeBarrier } from "./conformance.js";
import { describeDeliveries } from "./property.js";
import { type SqlDatabase, sqlitePlace } from "./support/place.js";

/** Node.js' own SQLite, from Node.js 22.13. */
const found: unknown = process.getBuiltinModule?.("node:sqlite" as "node:fs");
const builtin = isSqlite(found) ? found : undefined;

function isSqlite(module: unknown): module is { readonly DatabaseSync: new (path: string) => SqlDatabase } {
  return typeof module === "object" && module !== null && "DatabaseSync" in module;
}

if (builtin === undefined) {
  process.stderr.write(
    `\n*** SKIPPED: the barrier on node:sqlite: Node.js ${process.version} has none; 22.13 has ***\n`,
  );
}

describe.skipIf(builtin === undefined)("the barrier on node:sqlite", () => {
  const openPlace = sqlitePlace((path) => {
    if (builtin === undefined) throw new Error("no node:sqlite");
    return new builtin.DatabaseSync(path);
  });
  describeBarrier(openPlace);
  describeDeliveries(openPlace, 50);
});
