import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";
import { createScope } from "../support/scope.js";

const scope = createScope();
const run = promisify(execFile);

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

test("what is built has every entry of the package, and each can be imported without the sources", async () => {
  // Inside node_modules, so that dependencies are found and nothing else is.
  const root = join(repository, "node_modules", ".cache", `protosaga-package-${process.pid}`);
  await mkdir(root, { recursive: true });
  scope.defer(() => rm(root, { recursive: true, force: true }));
  const tsc = join(repository, "node_modules/.bin/tsc");
  await run(tsc, ["-p", "tsconfig.build.json", "--outDir", join(root, "dist")], { cwd: repository });
  const manifest = readFileSync(join(repository, "package.json"), "utf8");
  writeFileSync(join(root, "package.json"), manifest);

  const { exports } = JSON.parse(manifest) as Manifest;
  const targets = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : Object.entries(entry)));
  const built = targets.filter(([condition]) => condition !== "@protosaga/source").map(([, file]) => file);
  expect(built.filter((file) => !existsSync(join(root, file)))).toEqual([]);

  const script = `
    const { startServer } = await import("protosaga");
    const { guardService } = await import("protosaga/upstream");
    console.log(typeof startServer, typeof guardService);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: root });
  expect(stdout).toBe("function function\n");
});

test("what is packed has the proto files, and the example that the documentation points at", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: repository });
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      "proto/saga/v1/saga.proto",
      "proto/saga/v1/service.proto",
      ...["booking", "order", "payment"].map((name) => `proto/booking/${name}.proto`),
      ...["main.ts", "upstream/order-service.ts", "upstream/shared/upstream.ts"].map(
        (name) => `examples/booking/${name}`,
      ),
    ]),
  );
});
