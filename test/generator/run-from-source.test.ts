import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./support/workspace.js";

const run = promisify(execFile);

describe("run-from-source", { timeout: 60_000 }, () => {
  let directory: string;
  beforeEach(() => {
    const cache = join(root, "node_modules", ".cache");
    mkdirSync(cache, { recursive: true });
    directory = mkdtempSync(join(cache, "protosaga-run-"));
    cpSync(join(root, "generator"), join(directory, "generator"), { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const version = async (): Promise<string> => {
    const { stdout } = await run("node", [join(directory, "generator/run-from-source.mjs"), "--version"]);
    return stdout;
  };
  const bundles = (): string[] => readdirSync(join(directory, "node_modules/.cache/protosaga")).sort();

  it("builds one bundle, however many runs start at once, and uses it again", async () => {
    const said = await Promise.all([version(), version(), version(), version()]);
    expect(new Set(said).size).toBe(1);
    expect(said[0]).toMatch(/^protoc-gen-saga v\d/);
    const [bundle, ...others] = bundles();
    expect(bundle).toMatch(/^protoc-gen-saga-[0-9a-f]{16}\.mjs$/);
    expect(others).toEqual([]);
    const path = join(directory, "node_modules/.cache/protosaga", bundle ?? "");
    writeFileSync(path, `process.stdout.write("from the bundle");\n`);
    expect(await version()).toBe("from the bundle");
  });

  it("builds again when a source has changed, and removes the old bundle", async () => {
    await version();
    const [old = ""] = bundles();
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(join(directory, "node_modules/.cache/protosaga", old), longAgo, longAgo);
    const entry = join(directory, "generator/protoc-gen-saga.ts");
    writeFileSync(entry, readFileSync(entry, "utf8").replace('"protoc-gen-saga"', '"changed"'));
    expect(await version()).toMatch(/^changed v\d/);
    expect(bundles()).toHaveLength(1);
    expect(bundles()).not.toContain(old);
  });
});
