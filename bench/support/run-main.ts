import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { note } from "./rounds.js";

/** Runs a bench as this process. @param main gives the exit code */
export function runMain(name: string, usage: string, main: (args: readonly string[]) => Promise<number>): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      note(`${name}: ${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`);
      process.exit(1);
    },
  );
}

/**
 * A folder for the bench, removed at its end. It is next to the user's data, not in the system's temporary folder: that
 * may be in memory, where fsync is free.
 */
export function openDataFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const data = mkdtempSync(join(parent, "bench-"));
  process.on("exit", () => rmSync(data, { recursive: true, force: true }));
  return data;
}
