import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import type { Scope } from "./scope.js";

/** A real disk of a few megabytes, in memory, that a test fills up and makes read-only. */
export interface SmallDisk {
  readonly path: string;
  /** Uses all free space, to the last page. */
  fill(): void;
  /** Frees it again. */
  free(): void;
  /** No file on it may be open for writing. */
  readOnly(): void;
  writable(): void;
}

/** Mounts a disk for a test, and unmounts it after the test. */
export function smallDisk(scope: Scope, kilobytes: number): SmallDisk {
  const path = join(scope.tempDir(), "disk");
  mkdirSync(path);
  mount("-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path);
  // Lazily, because a process that a test killed may still use it for a moment.
  scope.defer(() => execFileSync("umount", ["-l", path]));
  const ballast = join(path, "ballast");
  return {
    path,
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (;;) writeSync(file, Buffer.alloc(4_096, 7));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    readOnly: () => mount("-o", "remount,ro", path),
    writable: () => mount("-o", "remount,rw", path),
  };
}

/** Tests that need a {@link smallDisk}. Skipped, loudly, if this process may not mount one. */
export function describeSmallDisk(name: string, suite: () => void): void {
  if (!canMount) {
    process.stderr.write(`\n*** SKIPPED: ${name}: this process may not mount a tmpfs; run as root ***\n`);
  }
  describe.skipIf(!canMount)(name, suite);
}

function mount(...args: string[]): void {
  execFileSync("mount", args, { stdio: ["ignore", "ignore", "pipe"] });
}

const canMount = tryMount();

function tryMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    // In its own mount namespace, which ends with the command.
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
