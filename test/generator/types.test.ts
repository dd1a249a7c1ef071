import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nastyProtos } from "./emit-fixture.js";
import { createTypesProject, type TypesProject } from "./types-project.js";

const shop =
  "deep/er/v1/shop/shop-api/buy-everything-that-is-there-and-then-some-more-so-that-the-name-gets-long" as const;

/** A file that reads one expression in the request of one node of the shop's facade. */
function reading(node: string, expression: string): string {
  return [
    `import type { Nodes } from "./facade/${shop}.js";`,
    `export const read = (context: Parameters<Nodes["${node}"]["request"]>[0]) => context.${expression};`,
    "",
  ].join("\n");
}

describe("generated code beside ts-proto's", { timeout: 120_000 }, () => {
  let project: TypesProject;
  beforeAll(async () => {
    project = await createTypesProject(nastyProtos());
  }, 120_000);
  afterAll(() => project?.remove());

  it("compiles under strict settings", async () => {
    expect(await project.typecheck()).toBe("");
  });

  it("is formatted and has nothing to lint", async () => {
    expect(await project.lint()).toBe("");
  });

  it.each([
    ["an earlier step", "rate", "results.take.aDouble", ""],
    ["both of an earlier group", "rate", "results.takeOnceMoreWithANameThatIsLong.aDouble", ""],
    ["a later step", "rate", "results.seal", "Property 'seal' does not exist"],
    ["a parallel step", "take", "results.takeOnceMoreWithANameThatIsLong", "does not exist on type"],
    ["a step itself", "rate", "results.rate", "Property 'rate' does not exist"],
    ["a field that the request doesn't have", "take", "request.nothing", "Property 'nothing' does not exist"],
  ])("types what a node reads of %s", async (_, node, expression, said) => {
    project.write("reading.ts", reading(node, expression));
    const errors = await project.typecheck();
    project.write("reading.ts", "");
    expect(errors === "").toBe(said === "");
    expect(errors).toContain(said);
  });

  it("gives an async facade's respond no results", async () => {
    const use = [
      'import type { Nodes } from "./facade/deep/er/v1/shop/shop-api-2/reserve.js";',
      'export const read = (context: Parameters<Nodes["respond"]>[0]) => context.results.take;',
    ];
    project.write("reading.ts", use.join("\n"));
    const errors = await project.typecheck();
    project.write("reading.ts", "");
    expect(errors).toContain("Property 'take' does not exist");
  });

  it.each([
    ["a missing node", /^export const tell:/m, "const tell:", "Property 'tell' is missing"],
    ["a node of the wrong kind", /^ {2}request: .*\n(.*\n)*?^ {2}\}\),\n/m, "", "Property 'request' is missing"],
    ["an unheeded unknown outcome", /received\?\.grade/, "received.grade", "'received' is possibly 'undefined'"],
  ])("makes %s an error", async (_, from, to, said) => {
    const path = `node/${shop}.ts`;
    const stub = readFileSync(join(project.directory, "generated", path), "utf8");
    project.write(path, stub.replace(from, to));
    const errors = await project.typecheck();
    project.write(path, stub);
    expect(errors).toContain(said);
  });

  it.each([
    ["a message with a field that it doesn't have", "{ request: { nothing: 1 } }", "'nothing' does not exist"],
    ["an answer of a step that there is not", "{ responses: { takes: {} } }", "'takes' does not exist"],
    [
      "an answer of another step",
      '{ responses: { seal: { grade: 1, stars: 1, remark: "" } } }',
      "does not exist in type 'Item'",
    ],
  ])("makes %s an error in a sample", async (_, value, said) => {
    const path = `node/${shop}.sample.ts`;
    const sample = readFileSync(join(project.directory, "generated", path), "utf8");
    project.write(path, sample.replace("= {};", `= ${value};`));
    const errors = await project.typecheck();
    project.write(path, sample);
    expect(errors).toContain(said);
  });
});
