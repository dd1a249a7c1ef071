import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheDirectory, cacheKey, type RunInputs, readCache, writeCache } from "../../generator/cache.js";

const inputs: RunInputs = {
  version: "1.0.0",
  request: Buffer.from("request"),
  stubs: new Map([
    ["a.ts", Buffer.from("a")],
    ["b.ts", Buffer.from("b")],
  ]),
};

const run = { response: Buffer.from([0, 1, 2, 255]), warnings: "a.ts:1:1: ü\nb.ts:1:1: w" };

describe("cache", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "protosaga-cache-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("returns what was stored, byte for byte", () => {
    const key = cacheKey(inputs);
    expect(readCache(directory, key)).toBeUndefined();
    writeCache(directory, key, run);
    const known = readCache(directory, key);
    expect(known?.warnings).toBe(run.warnings);
    expect(Buffer.from(known?.response ?? []).equals(run.response)).toBe(true);
  });

  it("has one key for the same inputs, whatever the order of the stubs", () => {
    expect(cacheKey({ ...inputs, stubs: new Map([...inputs.stubs].reverse()) })).toBe(cacheKey(inputs));
  });

  it.each<[string, RunInputs]>([
    ["the version", { ...inputs, version: "1.0.1" }],
    ["the request", { ...inputs, request: Buffer.from("request.") }],
    ["what it is held against", { ...inputs, against: Buffer.from("") }],
    ["a stub's bytes", { ...inputs, stubs: new Map([...inputs.stubs, ["a.ts", Buffer.from("A")]]) }],
    ["a stub's path", { ...inputs, stubs: new Map([...inputs.stubs].map(([path, bytes]) => [`${path}x`, bytes])) }],
    ["a stub more", { ...inputs, stubs: new Map([...inputs.stubs, ["c.ts", Buffer.from("")]]) }],
    ["a stub less", { ...inputs, stubs: new Map([...inputs.stubs].slice(1)) }],
    ["what belongs to which part", { ...inputs, stubs: new Map([["a.ts", Buffer.from("ab.tsb")]]) }],
  ])("has another key when %s changes", (_, changed) => {
    expect(cacheKey(changed)).not.toBe(cacheKey(inputs));
  });

  it("misses if one bit has changed anywhere", () => {
    const key = cacheKey(inputs);
    writeCache(directory, key, run);
    const whole = readFileSync(join(directory, key));
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(join(directory, key), damaged);
      expect(readCache(directory, key)).toBeUndefined();
    }
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(join(directory, key), whole.subarray(0, length));
      expect(readCache(directory, key)).toBeUndefined();
    }
  });

  it("keeps a limited number of runs, including the last used", () => {
    for (let i = 0; i < 60; i += 1) {
      writeCache(directory, `key${i}`, run);
      expect(readCache(directory, "key0")).toBeDefined();
    }
    expect(readdirSync(directory).length).toBeLessThanOrEqual(33);
    expect(readCache(directory, "key59")).toBeDefined();
  });

  it("ignores that it can't write", () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    expect(() => writeCache(file, "key", run)).not.toThrow();
    expect(readCache(file, "key")).toBeUndefined();
  });

  it("writes nothing outside of node_modules", () => {
    expect(cacheDirectory(directory)).toBeUndefined();
    mkdirSync(join(directory, "node_modules"));
    expect(cacheDirectory(directory)).toBe(join(directory, "node_modules", ".cache", "protosaga", "responses"));
  });
});
