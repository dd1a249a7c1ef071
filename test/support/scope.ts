import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { type ProcessOptions, type RunningProcess, startProcess } from "./process.js";

/** Releases what a test acquired through it after the test, last first, whether the test passed or not. */
export interface Scope {
  /** Runs `release` after the test. */
  defer(release: () => unknown): void;
  /** Closes `resource` after the test. */
  use<T extends { close(): unknown }>(resource: T): T;
  /** A new empty directory. */
  tempDir(): string;
  /** The same in memory if the machine supports that: for data that need not survive a crash of the machine. */
  memoryDir(): string;
  /** A process that is killed after the test if it still runs. */
  start(file: string, options?: ProcessOptions): RunningProcess;
}

const memory = "/dev/shm";

/** Makes the scope of a test file. Call it at the file's top, or inside a `describe`. */
export function createScope(): Scope {
  const releases: (() => unknown)[] = [];
  afterEach(async () => {
    const errors: unknown[] = [];
    for (let release = releases.pop(); release !== undefined; release = releases.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "clean-up failed");
  });

  function makeDir(parent: string): string {
    const directory = mkdtempSync(join(parent, "protosaga-"));
    releases.push(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }

  const scope: Scope = {
    defer(release) {
      releases.push(release);
    },
    use(resource) {
      releases.push(() => resource.close());
      return resource;
    },
    tempDir: () => makeDir(tmpdir()),
    memoryDir: () => makeDir(existsSync(memory) ? memory : tmpdir()),
    start(file, options) {
      const running = startProcess(file, options);
      releases.push(() => running.kill9());
      return running;
    },
  };
  return scope;
}
