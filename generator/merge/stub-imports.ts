import { posix } from "node:path";
import type { ts } from "ts-morph";
import { naturalOrder } from "../emit/natural-order.js";
import type { Scope } from "../emit/scope.js";
import type { StubNames } from "./node-stub.js";
import type { Compiler, ParsedStub } from "./parse.js";
import type { Splice } from "./splice.js";

/** The imports of appended nodes. */
export interface StubImports {
  readonly names: StubNames;
  readonly splices: readonly Splice[];
  /** Import statements to insert before the appended nodes, if the file has no imports. */
  readonly leading: readonly string[];
}

/** The required imports of a node file. */
export interface WantedImports {
  /** The facade's specifier: "../../facade/booking.js". */
  readonly facade: string;
  /** The path of the facade file, relative to `out`, without extension. */
  readonly facadePath: string;
  /** The path of the node file, likewise. */
  readonly nodePath: string;
  /** Whether the new nodes contain a todo. */
  readonly todo: boolean;
}

/** Finds `Nodes` and `todo` in a file's imports, and adds the missing ones. */
export function stubImports(
  stub: ParsedStub,
  wanted: WantedImports,
  scope: Scope,
  newLine: string,
  compiler: Compiler,
): StubImports {
  const imports = stub.statements.filter((statement) => compiler.isImportDeclaration(statement));
  const lists = imports.flatMap((statement) => namedImports(statement, compiler));
  const fromFacade = lists.filter(({ module }) => isFacade(module, wanted));
  const fromRuntime = lists.filter(({ module, typeOnly }) => module === "protosaga" && !typeOnly);
  const nodes = localName(fromFacade, "Nodes", true);
  const todo = localName(fromRuntime, "todo", false);
  const names = {
    nodes: nodes ?? scope.declare("Nodes"),
    todo: todo ?? (wanted.todo ? scope.declare("todo") : "todo"),
  };
  const splices: Splice[] = [];
  const statements: string[] = [];
  if (wanted.todo && todo === undefined) {
    const list = fromRuntime.find(({ elements }) => elements.length > 0);
    if (list) {
      splices.push(addToList(list.elements, named("todo", names.todo), stub.text, newLine));
    } else {
      statements.push(`import { ${named("todo", names.todo)} } from "protosaga";`);
    }
  }
  if (nodes === undefined) {
    statements.push(`import type { ${named("Nodes", names.nodes)} } from ${JSON.stringify(wanted.facade)};`);
  }
  const last = imports.at(-1);
  if (last && statements.length > 0) {
    splices.push({ at: endOf(last, stub.text, compiler), text: statements.map((text) => newLine + text).join("") });
  }
  return { names, splices, leading: last ? [] : statements };
}

interface NamedImports {
  readonly module: string;
  readonly typeOnly: boolean;
  readonly elements: readonly ts.ImportSpecifier[];
}

function namedImports(statement: ts.ImportDeclaration, compiler: Compiler): NamedImports[] {
  const { importClause, moduleSpecifier } = statement;
  const bindings = importClause?.namedBindings;
  if (!importClause || !bindings || !compiler.isNamedImports(bindings) || !compiler.isStringLiteral(moduleSpecifier)) {
    return [];
  }
  const typeOnly = importClause.phaseModifier === compiler.SyntaxKind.TypeKeyword;
  return [{ module: moduleSpecifier.text, typeOnly, elements: [...bindings.elements] }];
}

/** Whether a specifier refers to the facade's file: by its path, or by an alias with the same end. */
function isFacade(module: string, { facadePath, nodePath }: WantedImports): boolean {
  const bare = module.replace(/\.[jt]s$/, "");
  return bare.startsWith(".")
    ? posix.join(posix.dirname(nodePath), bare) === facadePath
    : bare === facadePath || bare.endsWith(`/${facadePath}`);
}

function localName(lists: readonly NamedImports[], name: string, typeIsEnough: boolean): string | undefined {
  const elements = lists.flatMap((list) => list.elements);
  return elements.find(
    (element) => (element.propertyName ?? element.name).text === name && (typeIsEnough || !element.isTypeOnly),
  )?.name.text;
}

function named(name: string, local: string): string {
  return name === local ? name : `${name} as ${local}`;
}

/** Inserts a name at its position in the sorted list. */
function addToList(elements: readonly ts.ImportSpecifier[], added: string, text: string, newLine: string): Splice {
  const separator = (element: ts.ImportSpecifier): string => {
    const start = element.getStart();
    const before = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
    return before.trim() === "" ? `${newLine}${before}` : " ";
  };
  const next = elements.find((element) => naturalOrder((element.propertyName ?? element.name).text, added) > 0);
  if (next) {
    return { at: next.getStart(), text: `${added},${separator(next)}` };
  }
  const last = elements.at(-1);
  return last ? { at: last.getEnd(), text: `,${separator(last)}${added}` } : { at: 0, text: "" };
}

/** The position after a statement and the comments on its last line. */
function endOf(statement: ts.Statement, text: string, compiler: Compiler): number {
  return compiler.getTrailingCommentRanges(text, statement.getEnd())?.at(-1)?.end ?? statement.getEnd();
}
