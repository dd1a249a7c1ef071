import { facadeName } from "../emit/context.js";
import { specifier } from "../emit/paths.js";
import { createScope } from "../emit/scope.js";
import type { Diagnostic, EmitOptions, PlannedFacade } from "../model.js";
import { type Located, locate } from "./exports.js";
import { type NodeStub, nodeStubs } from "./node-stub.js";
import { type Compiler, lineAndColumn, type ParsedStub } from "./parse.js";
import { renamedTo } from "./rename.js";
import { applySplices, type Splice } from "./splice.js";
import { type StarExports, starExports } from "./star-exports.js";
import { stubImports } from "./stub-imports.js";

/** The node file of one facade, and what to merge it with. */
export interface StubFile {
  readonly facade: PlannedFacade;
  /** Relative to stubs_dir. */
  readonly path: string;
  /** Its path in messages. */
  readonly shownPath: string;
  readonly options: EmitOptions;
}

/** The result of merging a node file. */
export interface StubMerge {
  readonly splices: readonly Splice[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Appends missing nodes to a node file, and adds the imports that they need. */
export function mergeStub(
  file: StubFile,
  stub: ParsedStub,
  texts: ReadonlyMap<string, string>,
  compiler: Compiler,
): StubMerge {
  const located = locate(stub, compiler);
  const stars = starExports(file.path, located, texts, compiler);
  const wanted = nodeStubs(file.facade);
  const present = new Set([...located.exported.map(({ name }) => name), ...stars.names]);
  const missing = wanted.filter(({ name }) => !present.has(name));
  const diagnostics = [
    ...orphans(file, stub, located, wanted, missing),
    ...hidden(file, stub, located, stars, missing),
  ];
  // If some exports are unknown, an added node could duplicate an existing one.
  const added = stars.unseen ? [] : missing.filter(({ name }) => !located.declared.has(name));
  return { splices: added.length === 0 ? [] : splicesFor(file, stub, located, added, compiler), diagnostics };
}

/** The text of a new node file. */
export function newStub(file: StubFile, compiler: Compiler): string {
  const empty: ParsedStub = { text: "", statements: [] };
  const { splices } = mergeStub(file, empty, new Map(), compiler);
  return applySplices("", splices);
}

function splicesFor(
  { facade, path, options }: StubFile,
  stub: ParsedStub,
  { declared }: Located,
  added: readonly NodeStub[],
  compiler: Compiler,
): Splice[] {
  const { text } = stub;
  const newLine = /^[^\n]*\r\n/.test(text) ? "\r\n" : "\n";
  const place = path.replace(/\.ts$/, "");
  const wanted = {
    facade: specifier(`node/${place}`, `facade/${place}`, options),
    facadePath: `facade/${place}`,
    nodePath: `node/${place}`,
    todo: added.some(({ todo }) => todo),
  };
  const scope = createScope([...declared, ...nodeStubs(facade).map(({ name }) => name)]);
  const { names, splices, leading } = stubImports(stub, wanted, scope, newLine, compiler);
  const blocks = [...(leading.length > 0 ? [leading.join("\n")] : []), ...added.map((node) => node.text(names))];
  const appended = blocks.join("\n\n").replaceAll("\n", newLine);
  return [...splices, { at: text.length, text: framed(appended, text, newLine) }];
}

/** Separates appended text by an empty line. A file without a final newline stays without one. */
function framed(appended: string, text: string, newLine: string): string {
  if (text.replace(/^\uFEFF/, "") === "") {
    return `${appended}${newLine}`;
  }
  if (!text.endsWith("\n")) {
    return `${newLine}${newLine}${appended}`;
  }
  return `${/\n\r?\n$/.test(text) ? "" : newLine}${appended}${newLine}`;
}

function orphans(
  file: StubFile,
  stub: ParsedStub,
  { exported }: Located,
  wanted: readonly NodeStub[],
  missing: readonly NodeStub[],
): Diagnostic[] {
  const names = wanted.map(({ name }) => name);
  return exported.flatMap(({ name, at, node }) => {
    if (names.includes(name)) {
      return [];
    }
    const [only, another] = missing;
    const guess = renamedTo(node ?? name, names) ?? (node !== undefined && !another ? only?.name : undefined);
    const hint = guess === undefined ? "it is never called" : `renamed to \`${guess}\`?`;
    const message = `\`${name}\` is exported, but ${facadeName(file.facade)} has no such step; ${hint}`;
    return [warning("SAGA_STUB_ORPHAN", file, stub, at, message)];
  });
}

function hidden(
  file: StubFile,
  stub: ParsedStub,
  { declared, values }: Located,
  { unseen }: StarExports,
  missing: readonly NodeStub[],
): Diagnostic[] {
  const names = missing.map(({ name }) => `\`${name}\``).join(", ");
  if (unseen && missing.length > 0) {
    const message = `what \`export * from ${JSON.stringify(unseen.module)}\` exports is unknown; not added: ${names}`;
    return [warning("SAGA_STUB_UNSEEN", file, stub, unseen.at, message)];
  }
  return missing
    .filter(({ name }) => declared.has(name))
    .map(({ name }) => {
      const message = `\`${name}\` is declared but not exported; export or rename it`;
      return warning("SAGA_STUB_NOT_EXPORTED", file, stub, values.get(name) ?? 0, message);
    });
}

function warning(code: string, file: StubFile, stub: ParsedStub, at: number, message: string): Diagnostic {
  const place = { path: file.shownPath, ...lineAndColumn(stub.text, at) };
  return { severity: "warning", code, place, message };
}
