import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The repository's root. */
export const root = resolve(import.meta.dirname, "../../..");

/** A temporary directory with `proto/saga/v1/saga.proto` in it, laid out as a user's project is. */
export interface Workspace {
  readonly directory: string;
  /** Writes files, by their paths relative to the directory. */
  write(files: Readonly<Record<string, string>>): void;
  /** Runs the real buf there. Its exit code is part of the result, never thrown. */
  buf(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  remove(): void;
}

/** Makes a workspace with the given files. */
export function createWorkspace(files: Readonly<Record<string, string>> = {}): Workspace {
  const directory = mkdtempSync(join(tmpdir(), "protosaga-test-"));
  const workspace: Workspace = {
    directory,
    write: (more) => {
      for (const [path, content] of Object.entries(more)) {
        const full = join(directory, path);
        mkdirSync(dirname(full), { recursive: true });
        writeFileSync(full, content);
      }
    },
    buf: async (...args) => {
      try {
        const done = await run(join(root, "node_modules/.bin/buf"), args, { cwd: directory, env: quietEnvironment() });
        return { code: 0, ...done };
      } catch (error) {
        const failed = error as { code?: number; stdout?: string; stderr?: string };
        return { code: failed.code ?? -1, stdout: failed.stdout ?? "", stderr: failed.stderr ?? String(error) };
      }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
  cpSync(join(root, "proto/saga/v1/saga.proto"), join(directory, "proto/saga/v1/saga.proto"), { recursive: true });
  workspace.write({ "buf.yaml": "version: v2\nmodules:\n  - path: proto\n", ...files });
  return workspace;
}

/** The environment of the test run, without npm's own chatter on stderr. */
function quietEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NPM_CONFIG_LOGLEVEL: "error" };
}
