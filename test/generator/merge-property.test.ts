import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { mergeStub } from "../../generator/merge/merge-stub.js";
import { loadCompiler, type ParsedStub, parseStubs } from "../../generator/merge/parse.js";
import { applySplices } from "../../generator/merge/splice.js";
import type { Plan } from "../../generator/model.js";
import { emitOptions } from "./emit-fixture.js";
import { mergeInto, tripPlan, tripStub } from "./merge-fixture.js";

/** What a user may do with a node file: reorder its parts, remove some, and add other code between them. */
const parts = [
  'import type { Nodes } from "../../../facade/trip/trip-service/book.js";',
  'import { Rollback } from "protosaga"; // for refusals',
  'import {\n  Status,\n} from "protosaga";',
  'import * as everything from "./everything.js"; /* a\n comment */ const after = 1;',
  'export const flight: Nodes["flight"] = { request: () => ({ requestId: "a", traveller: "b" }) };',
  "/** Mine. */\nexport function hotel() {\n  return `\u0024{1} }{ \u0024{`nested`}`;\n}",
  'const x = { car: /[}/*"]/ };\nexport { x as car };',
  "export const respond = () => 'export const car = 1';",
  "// export const car = 1;",
  '/* todo("x") */',
  "function todo() {}",
  "const Nodes = 1;",
  "interface Wide {\n\n\n  readonly ü: '💥';\n}",
  'export * from "./other.js";',
  "export default 1",
  "",
  "   ",
];

const edited = fc
  .record({
    parts: fc.array(fc.constantFrom(...parts), { maxLength: 12 }),
    newLine: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "\uFEFF"),
    end: fc.constantFrom("", "\n", "\n\n", "\n   "),
  })
  .map(({ parts, newLine, mark, end }) => mark + (parts.join("\n") + end).replaceAll("\n", newLine));

/** The text without the insertions. Their positions count the insertions before them. */
function withoutInserted(text: string, splices: readonly { at: number; text: string }[]): string {
  let shift = 0;
  let rest = text;
  for (const splice of [...splices].sort((a, b) => a.at - b.at)) {
    expect(rest.slice(splice.at, splice.at + splice.text.length)).toBe(splice.text);
    rest = rest.slice(0, splice.at) + rest.slice(splice.at + splice.text.length);
    shift += splice.text.length;
  }
  expect(rest.length).toBe(text.length - shift);
  return rest;
}

function isSubsequence(part: string, whole: string): boolean {
  let found = 0;
  for (const unit of whole) {
    const next = part.codePointAt(found);
    if (next !== undefined && unit.codePointAt(0) === next) {
      found += unit.length;
    }
  }
  return found === part.length;
}

describe("merge, whatever the user did to a node file", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await tripPlan();
  });

  it("only ever inserts", async () => {
    const compiler = loadCompiler();
    const facade = plan.services[0]?.facades[0];
    await fc.assert(
      fc.asyncProperty(edited, async (text) => {
        const stub = parseStubs(new Map([[tripStub, text]])).get(tripStub) as ParsedStub;
        fc.pre(stub.error === undefined && facade !== undefined);
        const file = { facade, path: tripStub, shownPath: tripStub, options: emitOptions };
        const { splices } = mergeStub(file, stub, new Map([[tripStub, text]]), compiler);
        const merged = applySplices(text, splices);
        expect(withoutInserted(merged, splices)).toBe(text);
        expect((await mergeInto(plan, { [tripStub]: text })).files[tripStub]).toBe(merged);
      }),
      { numRuns: 200 },
    );
  });

  it("changes nothing the second time, and leaves a file that parses", async () => {
    await fc.assert(
      fc.asyncProperty(edited, async (text) => {
        const once = await mergeInto(plan, { [tripStub]: text });
        fc.pre(once.files[tripStub] !== undefined);
        const twice = await mergeInto(plan, once.files);
        expect(twice).toEqual({ ...once, said: twice.said });
        expect(twice.said.join()).not.toContain("SAGA_STUB_SYNTAX");
      }),
      { numRuns: 200 },
    );
  });

  it("loses no byte of a file that was cut, pasted and typed into anywhere", async () => {
    const whole = (await mergeInto(plan)).files[tripStub] ?? "";
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(40), fc.string({ unit: "grapheme", maxLength: 20 }));
    await fc.assert(
      fc.asyncProperty(cut, async ([at, length, typed]) => {
        const text = whole.slice(0, at) + typed + whole.slice(at + length);
        const { files, said } = await mergeInto(plan, { [tripStub]: text });
        const refused = said.some((line) => line.includes("SAGA_STUB_SYNTAX"));
        expect(refused).toBe(files[tripStub] === undefined);
        expect(refused || isSubsequence(text, files[tripStub] ?? "")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
