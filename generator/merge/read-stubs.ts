import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";

/** Every file below a directory, by its path relative to it with forward slashes. Empty where there is no directory. */
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
