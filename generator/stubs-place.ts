import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * What is wrong with the place where stubs are looked for; undefined where nothing is. buf does not tell a plugin where
 * its output goes, and stubs that are not found are written anew, over the user's code: better to refuse than to guess.
 */
export function stubsPlaceProblem(cwd: string, stubsDir: string): string | undefined {
  const place = resolve(cwd, stubsDir);
  if (basename(place) !== "node") {
    return `stubs_dir=${stubsDir} must be the folder \`node\` in this plugin's out: stubs_dir=<out>/node`;
  }
  if (existsSync(place)) {
    return undefined;
  }
  if (existsSync(join(dirname(place), "facade"))) {
    return `stubs_dir=${stubsDir} is not there, but other output beside it is; put your node files back, or delete ${dirname(stubsDir)}`;
  }
  if (!["buf.yaml", "buf.gen.yaml", "buf.work.yaml"].some((file) => existsSync(join(cwd, file)))) {
    return `stubs_dir=${stubsDir} is not there, and this folder has no buf.yaml; run buf generate where buf.gen.yaml lies`;
  }
  return undefined;
}
