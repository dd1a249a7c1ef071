import { spawnSync } from "node:child_process";
import { toRun } from "../../support/compiled/program.js";
import { root } from "./workspace.js";

/** The command that runs the plugin. */
export const pluginCommand: readonly string[] = ["node", ...toRun("generator/protoc-gen-saga.ts")];

/** A buf.gen.yaml that runs only the plugin, with the given options. */
export function pluginTemplate(options: readonly string[]): string {
  return `version: v2
inputs:
  - directory: proto
    exclude_paths: [proto/saga]
plugins:
  - local: [${pluginCommand.join(", ")}]
    out: gen
    strategy: all
    opt: [${options.join(", ")}]
`;
}

/** Runs the plugin as a compiler does. */
export function runPlugin(input: Uint8Array, args: readonly string[] = [], cwd: string = root) {
  const [command = "", ...rest] = pluginCommand;
  const done = spawnSync(command, [...rest, ...args], { input, cwd, maxBuffer: 1 << 28 });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr.toString() };
}
