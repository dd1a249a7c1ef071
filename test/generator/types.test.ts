import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nastyProtos } from "./emit-fixture.js";
import { createTypesProject, type TypesProject } from "./types-project.js";

const shop =
  "deep/er/v1/shop/shop-api/buy-everything-that-is-there-and-then-some-more-so-that-the-name-gets-long" as const;

/** What a node of the shop's facade reads, and the expected error of tsc. */
const readings: readonly Reading[] = [
  ["an earlier step", "rate", "results.take.aDouble", ""],
  ["both of an earlier group", "rate", "results.takeOnceMoreWithANameThatIsLong.aDouble", ""],
  ["a later step", "rate", "results.seal", "Property 'seal' does not exist"],
  ["a parallel step", "take", "results.takeOnceMoreWithANameThatIsLong", "does not exist on type"],
  ["a step itself", "rate", "results.rate", "Property 'rate' does not exist"],
  ["a field that the request doesn't have", "take", "request.nothing", "Property 'nothing' does not exist"],
];
type Reading = readonly [what: string, node: string, expression: string, said: string];

const stub = `node/${shop}.ts`;
/** A change of the shop's stub, and the expected error of tsc. */
const mistakes: readonly Mistake[] = [
  ["a missing node", /^export const tell:/m, "const tell:", "Property 'tell' is missing"],
  ["a node of the wrong kind", /^ {2}request: .*\n(.*\n)*?^ {2}\}\),\n/m, "", "Property 'request' is missing"],
  ["an unheeded unknown outcome", /received\?\.grade/, "received.grade", "'received' is possibly 'undefined'"],
];
type Mistake = readonly [what: string, from: RegExp, to: string, said: string];

const sample = `node/${shop}.sample.ts`;
/** The content of the shop's sample, and the expected error of tsc. */
const samples: readonly Sample[] = [
  ["a message with a field that it doesn't have", "{ request: { nothing: 1 } }", "'nothing' does not exist"],
  ["an answer of a step that there is not", "{ responses: { takes: {} } }", "'takes' does not exist"],
  [
    "an answer of another step",
    '{ responses: { seal: { grade: 1, stars: 1, remark: "" } } }',
    "does not exist in type 'Item'",
  ],
];
type Sample = readonly [what: string, value: string, said: string];

/** The name of the file, or copy, of one of these. */
function nameOf(what: string): string {
  return what.replaceAll(/\W+/g, "-");
}

/** A file that reads an expression of a node's context. */
function reading(facade: string, node: string, expression: string): string {
  return [
    `import type { Nodes } from "../generated/facade/${facade}.js";`,
    `export const read = (context: Parameters<Nodes${node}>[0]) => context.${expression};`,
    "",
  ].join("\n");
}

describe("generated code with ts-proto's", { timeout: 120_000 }, () => {
  let project: TypesProject;
  let errorsIn: (path: string) => string;
  beforeAll(async () => {
    project = await createTypesProject(nastyProtos());
    for (const [what, node, expression] of readings) {
      project.add(`${nameOf(what)}.ts`, reading(shop, `["${node}"]["request"]`, expression));
    }
    project.add("respond.ts", reading("deep/er/v1/shop/shop-api-2/reserve", '["respond"]', "results.take"));
    for (const [what, from, to] of mistakes) {
      project.vary(nameOf(what), stub, (content) => content.replace(from, to));
    }
    for (const [what, value] of samples) {
      project.vary(nameOf(what), sample, (content) => content.replace("= {};", `= ${value};`));
    }
    errorsIn = await project.typecheck();
  });
  afterAll(() => project?.remove());

  it("compiles under strict settings", () => {
    expect(errorsIn("generated")).toBe("");
  });

  it("is formatted and has nothing to lint", async () => {
    expect(await project.lint()).toBe("");
  });

  it.each(readings)("types what a node reads of %s", (what, _node, _expression, said) => {
    const errors = errorsIn(`added/${nameOf(what)}.ts`);
    expect(errors === "").toBe(said === "");
    expect(errors).toContain(said);
  });

  it("gives an async facade's respond no results", () => {
    expect(errorsIn("added/respond.ts")).toContain("Property 'take' does not exist");
  });

  it.each(mistakes)("makes %s an error", (what, _from, _to, said) => {
    expect(errorsIn(`varied/${nameOf(what)}`)).toContain(said);
  });

  it.each(samples)("makes %s an error in a sample", (what, _value, said) => {
    expect(errorsIn(`varied/${nameOf(what)}`)).toContain(said);
  });
});
