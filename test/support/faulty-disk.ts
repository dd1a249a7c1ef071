import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";
import type { Scope } from "./scope.js";

/** A disk that fails when a test wants it to, under a process that is started with its environment. */
export interface FaultyDisk {
  /** The folder whose files fail. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * From now on every such call fails.
   * @param error the name of the error
   * @param end of the paths of the files that are meant
   */
  fail(call: "write" | "fsync" | "open", error: keyof typeof errors, end?: string): void;
  heal(): void;
  /** A folder with what a power cut would leave: what each file held when it was last synced, and nothing later. */
  readonly synced: string;
}

const errors = { EIO: 5, ENOSPC: 28, EROFS: 30 } as const;

let library: string | undefined;

/** Makes a disk for a test. */
export function faultyDisk(scope: Scope): FaultyDisk {
  library ??= compile();
  const root = scope.tempDir();
  const [path, synced, plan] = [join(root, "disk"), join(root, "synced"), join(root, "plan")];
  mkdirSync(path);
  mkdirSync(synced);
  writeFileSync(plan, "");
  return {
    path,
    synced,
    env: { LD_PRELOAD: library, FAULTY_DISK_ROOT: `${path}/`, FAULTY_DISK_PLAN: plan, FAULTY_DISK_SYNCED: synced },
    fail: (call, error, end = "journal.db-wal") => writeFileSync(plan, `${call} ${errors[error]} ${end}`),
    heal: () => writeFileSync(plan, ""),
  };
}

/** Tests that need a {@link faultyDisk}. Skipped, loudly, if it can't be made. */
export function describeFaultyDisk(name: string, suite: () => void): void {
  const compiler = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "cc")));
  const able = compiler && process.platform === "linux";
  if (!able) process.stderr.write(`\n*** SKIPPED: ${name}: it takes Linux and a C compiler (cc) in PATH ***\n`);
  describe.skipIf(!able)(name, suite);
}

function compile(): string {
  const folder = mkdtempSync(join(tmpdir(), "protosaga-faulty-disk-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "faulty-disk.so");
  const source = fileURLToPath(new URL("faulty-disk.c", import.meta.url));
  execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", file, source, "-ldl", "-lpthread"]);
  return file;
}
