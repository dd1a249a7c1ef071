// Generates all code again, and fails if a generated file changes, appears or disappears.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folders = ["generated", "runtime/pb"];

function digests(): Map<string, string> {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return new Map(files.sort().map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]));
}

const before = digests();
execFileSync("npm", ["run", "-s", "generate"], { stdio: "inherit" });
const after = digests();
const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (file) => before.get(file) !== after.get(file),
);
if (changed.length > 0) {
  process.stderr.write(`Generated code was out of date. Commit these files:\n  ${changed.join("\n  ")}\n`);
  process.exitCode = 1;
}
