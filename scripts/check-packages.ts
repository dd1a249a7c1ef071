// Packs each package, and checks the tarball with publint and "are the types wrong": npm run check:packages [-- folder...]
// Default: the workspaces of the root's package.json. Exits with 1 if one of them has errors or warnings.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const { workspaces = ["."] }: { workspaces?: string[] } = JSON.parse(readFileSync("package.json", "utf8"));
const folders = process.argv.length > 2 ? process.argv.slice(2) : workspaces;
const tarballs = mkdtempSync(join(tmpdir(), "protosaga-packages-"));

/** Runs a command with its output on this terminal. @returns whether it succeeded */
function run(command: string, args: readonly string[], cwd = "."): boolean {
  return spawnSync(command, args, { cwd, stdio: "inherit" }).status === 0;
}

/** Packs a folder. @returns the path of its tarball */
function pack(folder: string): string {
  const to = mkdtempSync(join(tarballs, "package-"));
  const { stdout, status } = spawnSync("npm", ["pack", "--silent", "--pack-destination", to], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`npm pack failed in ${resolve(folder)}`);
  return join(to, stdout.trim().split("\n").at(-1) ?? "");
}

try {
  for (const folder of folders) {
    const tarball = pack(folder);
    // The packages are ES modules only, and Node's resolution since version 16 is the oldest one that reads `exports`.
    const sound = [run("publint", ["run", tarball, "--strict"]), run("attw", [tarball, "--profile", "esm-only"])];
    if (sound.includes(false)) process.exitCode = 1;
  }
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}
