import { beforeAll, describe, expect, it } from "vitest";
import { emit } from "../../generator/emit/emit.js";
import { planPaths } from "../../generator/emit/paths.js";
import { merge } from "../../generator/merge/merge.js";
import type { OutputFile, Plan, PlannedService } from "../../generator/model.js";
import { emitOptions, nastyProtos, planOf } from "./emit-fixture.js";

describe("emit", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planOf(nastyProtos());
  });

  const all = async (): Promise<readonly OutputFile[]> => {
    const merged = merge(plan, { ...emitOptions, stubsDir: "generated/node" }, new Map());
    return [...emit(plan, emitOptions), ...merged.files];
  };

  it("writes what is in the golden file", async () => {
    const files = await all();
    // Descriptors are bytes. The tests of `read` check their content.
    const text = files.map(({ path, content }) => `=== ${path}\n${content.replace(/\[\n( +"\S+",\n)+ +\]/g, "[…]")}`);
    await expect(text.join("\n")).toMatchFileSnapshot("golden/nasty.txt");
  });

  it("writes the same bytes on every run", async () => {
    expect(await all()).toEqual(await all());
  });

  it.each([
    ["js", "pb", '"../../pb/root.js"', "do-it.js"],
    ["ts", "../gen/pb", '"../../../gen/pb/root.ts"', "do-it.ts"],
    ["none", "pb", '"../../pb/root"', "do-it"],
  ] as const)("imports with the extension %s, ts-proto's output from %s", (importExtension, pb, root, facade) => {
    const files = emit(plan, { ...emitOptions, importExtension, pb });
    const handler = files.find(({ path }) => path === "handler/root/class.ts")?.content;
    expect(handler).toContain(`from ${root};`);
    expect(handler).toContain(`from "../../facade/root/class/${facade}";`);
  });

  it.each([
    ["vitest", ['import { describe, test } from "vitest";']],
    ["node", ['import { describe, test } from "node:test";']],
    ["none", []],
  ] as const)("writes specs that %s runs", (spec, imports) => {
    const specs = emit(plan, { ...emitOptions, spec }).filter(({ path }) => path.startsWith("spec/"));
    expect(specs.map(({ content }) => content.match(/^import .* from "(vitest|node:test)";$/m)?.[0])).toEqual(
      plan.services.flatMap(({ facades }) => facades.flatMap(() => imports)),
    );
  });

  it("distinguishes two files whose paths differ in case only", () => {
    const [one] = plan.services;
    if (!one) {
      throw new Error("no service");
    }
    const named = (path: string): PlannedService => ({
      facades: one.facades.map((facade) => ({ ...facade })),
      service: { ...one.service, file: { ...one.service.file, path } },
    });
    const services = [named("shop.proto"), named("Shop.proto")];
    const paths = planPaths({ services });
    expect(services.map((service) => paths.service(service))).toEqual(["shop/shop-api", "Shop/shop-api-2"]);
    expect(services.map(({ facades }) => facades[0] && paths.facade(facades[0]).split("/").slice(0, 2))).toEqual([
      ["shop", "shop-api"],
      ["Shop", "shop-api-2"],
    ]);
  });

  it("gives every file a unique path, also on a disk that ignores case", async () => {
    const paths = (await all()).map(({ path }) => path.toLowerCase());
    expect(new Set(paths).size).toBe(paths.length);
  });
});
