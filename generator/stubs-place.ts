import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * The problem with `stubs_dir`; undefined if there is none. buf doesn't pass the output folder to a plugin, and the plugin
 * would overwrite the user's code with new stubs if it didn't find them. So it rejects a suspicious folder.
 */
export function stubsPlaceProblem(cwd: string, stubsDir: string): string | undefined {
  const place = resolve(cwd, stubsDir);
  if (basename(place) !== "node") {
    return `stubs_dir=${stubsDir} must be the folder \`node\` in this plugin's out; set stubs_dir=<out>/node`;
  }
  if (existsSync(place)) {
    return undefined;
  }
  if (existsSync(join(dirname(place), "facade"))) {
    return `stubs_dir=${stubsDir} does not exist, but other output next to it does; restore your node files, or delete ${dirname(stubsDir)}`;
  }
  if (!["buf.yaml", "buf.gen.yaml", "buf.work.yaml"].some((file) => existsSync(join(cwd, file)))) {
    return `stubs_dir=${stubsDir} does not exist, and this folder has no buf.yaml; run buf generate in the folder of buf.gen.yaml`;
  }
  return undefined;
}
