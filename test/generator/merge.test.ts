import { describe, expect, it } from "vitest";
import { mergeInto, tripPlan, tripStub } from "./merge-fixture.js";

const stubOf = async (steps?: readonly string[]): Promise<string> => {
  const { files } = await mergeInto(await tripPlan(steps));
  return files[tripStub] ?? "";
};

/** The whole of a node, with its comment. */
const nodePattern = (name: string): RegExp => new RegExp(`\\n/\\*\\*[^/]*\\*/\\nexport const ${name}: .*(\\n.+)*\\n`);

describe("merge", () => {
  it("starts a node file with every node, pre-filled", async () => {
    expect(await stubOf(["flight"])).toBe(`import { todo } from "protosaga";
import type { Nodes } from "../../../facade/trip/trip-service/book.js";

/** trip.Desk.BookFlight */
export const flight: Nodes["flight"] = {
  request: ({ request }) => ({
    requestId: request.requestId,
    traveller: request.traveller,
  }),
  compensate: ({ received }) => ({
    flightId: received?.flightId ?? todo("flight_id if the answer was lost: by what was sent, or the idempotency key?"),
  }),
};

/** The response of trip.TripService/Book. */
export const respond: Nodes["respond"] = ({ results }) => ({
  flightId: results.flight.flightId,
  price: todo("price: int64"),
});
`);
  });

  it("returns a complete file unchanged", async () => {
    const stub = (await stubOf()).replaceAll("\n", "\r\n").replace("todo(", "/* mine */ todo (");
    const { files, said } = await mergeInto(await tripPlan(), { [tripStub]: stub });
    expect(files).toEqual({ [tripStub]: stub });
    expect(said).toEqual([]);
  });

  it("appends the node of a new step and leaves the rest alone", async () => {
    const before = `// mine\n${await stubOf(["flight", "hotel"])}\nfunction helper() {}\n`;
    const { files, said } = await mergeInto(await tripPlan(), { [tripStub]: before });
    const after = files[tripStub] ?? "";
    expect(after.startsWith(before)).toBe(true);
    expect(after.slice(before.length)).toMatch(/^\n\/\*\* trip\.Desk\.BookCar \*\/\nexport const car: /);
    expect(said).toEqual([]);
    expect((await mergeInto(await tripPlan(), { [tripStub]: after })).files[tripStub]).toBe(after);
  });

  it.each([
    [
      "into the runtime's import",
      'import { Rollback } from "protosaga";',
      'import { Rollback, todo } from "protosaga";',
    ],
    ["in order", 'import { zzz } from "protosaga";', 'import { todo, zzz } from "protosaga";'],
    [
      "into a list over several lines",
      'import {\n  Rollback, // why\n} from "protosaga";',
      'import {\n  Rollback,\n  todo, // why\n} from "protosaga";',
    ],
    [
      "after imports that can't take it",
      'import type { Status } from "protosaga";',
      'book.js"; // mine\nimport { todo } from "protosaga";\nexport const flight',
    ],
    ["by the name that the file has for it", 'import { todo as later } from "protosaga";', "price: later("],
    ["next to a function of that name", "function todo() {}", 'import { todo as todo_2 } from "protosaga";'],
  ])("adds the import of todo %s", async (_, given, expected) => {
    const nodes = 'import type { Nodes } from "../../../facade/trip/trip-service/book.js"; // mine';
    const before = `${given}\n${nodes}\nexport const flight: Nodes["flight"] = {} as never;\n`;
    const text = given.startsWith("import") ? before : `${nodes}\n${given}\n${before.split("\n").slice(2).join("\n")}`;
    const { files, said } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: text });
    expect(files[tripStub]).toContain(expected);
    expect(said).toEqual([]);
  });

  it.each([
    [
      "under an alias",
      'import type { Nodes as N } from "../../../facade/trip/trip-service/book.js";',
      ': N["respond"]',
    ],
    [
      "through a path alias",
      'import type { Nodes } from "#gen/facade/trip/trip-service/book.js";',
      ': Nodes["respond"]',
    ],
    ["that means something else", 'import type { Nodes } from "./other.js";', ': Nodes_2["respond"]'],
  ])("recognises an import of Nodes %s", async (_, given, expected) => {
    const { files } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: `${given}\n` });
    expect(files[tripStub]).toContain(expected);
  });

  it.each([
    ["a const", 'export const flight: Nodes["flight"] = node;'],
    ["a destructured const", "export const { flight, ...rest } = make();"],
    ["a function", "export function flight() {}"],
    ["a class", "export class flight {}"],
    ["a list", "const flight = 1;\nexport { flight };"],
    ["a list under another name", "const x = 1;\nexport { x as flight };"],
    ["another file's list", 'export { flight } from "./other.js";'],
    ["a namespace", 'export * as flight from "./other.js";'],
    ["a star", 'export * from "./nodes/flight.js";'],
  ])("finds a node exported as %s", async (_, given) => {
    const other = "export const flight = 1;\n";
    const stubs = { [tripStub]: `${given}\n`, "trip/trip-service/nodes/flight.ts": other };
    const { files, said } = await mergeInto(await tripPlan(["flight"]), stubs);
    expect(files[tripStub]).not.toContain('export const flight: Nodes["flight"] = {');
    expect(files[tripStub]).toContain("export const respond");
    expect(files["trip/trip-service/nodes/flight.ts"]).toBe(other);
    expect(said.filter((line) => !line.includes("ORPHAN"))).toEqual([]);
  });

  it.each([
    ["a type", "export type flight = 1;"],
    ["a list of types", 'export { type flight } from "./types.js";'],
    ["a type-only list", 'export type { flight } from "./types.js";'],
    ["a comment", "// export const flight = 1;"],
    ["a string", 'const text = "export const flight = 1;";'],
    ["a member", "namespace inner { export const flight = 1; }"],
  ])("isn't fooled by %s", async (kind, given) => {
    const { files } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: `${given}\n` });
    expect((files[tripStub] ?? "").includes('export const flight: Nodes["flight"] = {')).toBe(kind !== "a type");
  });

  it("adds nothing if it can't see what exists", async () => {
    const given = 'export * from "elsewhere";\n';
    const { files, said } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: given });
    expect(files[tripStub]).toBe(given);
    expect(said).toEqual([
      `generated/node/${tripStub}:1:1: SAGA_STUB_UNSEEN: what \`export * from "elsewhere"\` exports is unknown; ` +
        "not added: `flight`, `respond`",
    ]);
  });

  it("says that a node isn't exported instead of adding it twice", async () => {
    const given = (await stubOf(["flight"])).replace("export const flight", "const flight");
    const { files, said } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: given });
    expect(files[tripStub]).toBe(given);
    expect(said).toEqual([
      `generated/node/${tripStub}:5:7: SAGA_STUB_NOT_EXPORTED: \`flight\` is declared but not exported; ` +
        "export or rename it",
    ]);
  });

  it("keeps CRLF, a byte order mark and a missing final newline", async () => {
    const given = `\uFEFF${(await stubOf(["flight"])).replaceAll("\n", "\r\n").trimEnd()}`;
    const { files } = await mergeInto(await tripPlan(["flight", "car"]), { [tripStub]: given });
    const after = files[tripStub] ?? "";
    expect(after.startsWith(given)).toBe(true);
    expect(after.slice(given.length)).toMatch(/^\r\n\r\n\/\*\* trip\.Desk\.BookCar \*\/\r\n/);
    expect(after.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(after.endsWith("};")).toBe(true);
  });

  it("finds the place for an import behind a byte order mark", async () => {
    const given = '\uFEFFimport { Rollback } from "protosaga";\n';
    const { files } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: given });
    expect(files[tripStub]?.startsWith('\uFEFFimport { Rollback, todo } from "protosaga";\nimport type')).toBe(true);
  });

  it("refuses a file with a syntax error, and then writes nothing at all", async () => {
    const given = "const fine = 1;\nexport const flight = {{;\n";
    const { files, said } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: given, "helper.ts": "" });
    expect(files).toEqual({});
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(new RegExp(`^generated/node/${tripStub}:2:\\d+: SAGA_STUB_SYNTAX: .* nothing was written`));
  });

  it("refuses a node file that is not UTF-8, and leaves other such files alone", async () => {
    const binary = Uint8Array.of(0xff, 0xfe, 0x00);
    const own = await mergeInto(await tripPlan(), { [tripStub]: binary });
    expect(own.files).toEqual({});
    expect(own.said[0]).toContain("SAGA_STUB_ENCODING");
    const other = await mergeInto(await tripPlan(), { ".DS_Store": binary });
    expect(Object.keys(other.files)).toEqual([tripStub]);
    expect(other.said[0]).toContain("SAGA_STUB_ENCODING");
  });

  it("warns about a node without a step, and guesses its new name", async () => {
    const given = (await stubOf(["flight"])).replaceAll("flight", "fligth").replaceAll("fligthId", "flightId");
    const { files, said } = await mergeInto(await tripPlan(["flight"]), { [tripStub]: given });
    expect(files[tripStub]?.startsWith(given)).toBe(true);
    expect(said).toEqual([
      `generated/node/${tripStub}:5:14: SAGA_STUB_ORPHAN: \`fligth\` is exported, but trip.TripService/Book has no ` +
        "such step; renamed to `flight`?",
    ]);
  });

  it("keeps the file of a removed facade, and all other files of the user", async () => {
    const gone = 'import type { Nodes } from "../../../facade/trip/trip-service/old-book.js";\n';
    const stubs = { "trip/trip-service/old-book.ts": gone, "helpers/money.ts": "not {{ even code", "notes.md": "" };
    const { files, said } = await mergeInto(await tripPlan(), stubs);
    expect(files).toMatchObject(stubs);
    expect(said).toEqual([
      "generated/node/trip/trip-service/old-book.ts:1:1: SAGA_STUB_FACADE_GONE: The facade of this node file no longer exists; " +
        `moved to ${tripStub}?`,
    ]);
  });

  it("adds again what was deleted", async () => {
    const whole = await stubOf();
    const given = whole.replace(nodePattern("hotel"), "");
    expect(given).not.toBe(whole);
    const { files } = await mergeInto(await tripPlan(), { [tripStub]: given });
    expect(files[tripStub]?.startsWith(given)).toBe(true);
    expect(files[tripStub]).toContain("export const hotel: ");
  });
});
