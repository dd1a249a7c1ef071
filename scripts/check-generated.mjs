// Generates everything again, and fails where that changes a file or finds one that is not committed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folders = ["generated", "runtime/pb"];

function digest() {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  return new Map(files.sort().map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]));
}

const before = digest();
execFileSync("npm", ["run", "-s", "generate"], { stdio: "inherit" });
const after = digest();
const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (file) => before.get(file) !== after.get(file),
);
if (changed.length > 0) {
  process.stderr.write(`Generating again changed these files; commit them:\n  ${changed.join("\n  ")}\n`);
  process.exitCode = 1;
}
