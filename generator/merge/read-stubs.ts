import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";

/** All files below a directory by relative path, with forward slashes. Empty if the directory doesn't exist. */
export function readStubs(directory: string): ReadonlyMap<string, Uint8Array> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    return new Map();
  }
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(
      (entry) => entry.isFile() || (entry.isSymbolicLink() && statSync(join(entry.parentPath, entry.name)).isFile()),
    )
    .map((entry) => join(entry.parentPath, entry.name));
  const relative = (path: string): string => path.slice(join(directory, sep).length).split(sep).join("/");
  return new Map(files.sort().map((path): [string, Uint8Array] => [relative(path), readFileSync(path)]));
}
