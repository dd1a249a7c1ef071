import { join } from "node:path";
import { type ExportedDeclarations, Node, Project } from "ts-morph";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

const runtime = join(repository, "runtime");
const tsConfigFilePath = join(repository, "tsconfig.json");
const project = new Project({ tsConfigFilePath, skipAddingFilesFromTsConfig: true });

/** What each entry of the package exports, by name. */
const entries = ["index.ts", "upstream/index.ts", "upstream/driver.ts"].map((entry) => {
  const exported = project.addSourceFileAtPath(join(runtime, entry)).getExportedDeclarations();
  return { entry, exported };
});
const known = new Set<Node>(entries.flatMap(({ exported }) => [...exported.values()].flat()));

/** The types of the runtime that a signature mentions. Function bodies and private members are no part of it. */
function mentioned(node: Node): Node[] {
  const isPrivate = Node.isModifierable(node) && node.hasModifier("private");
  if (isPrivate || Node.isBlock(node) || Node.isPrivateIdentifier(node.getFirstChild() ?? node)) return [];
  const name = Node.isTypeReference(node) ? node.getTypeName() : undefined;
  const base = Node.isExpressionWithTypeArguments(node) ? node.getExpression() : undefined;
  const symbol = (name ?? base)?.getSymbol();
  const own = (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations() ?? [];
  return [...own, ...node.forEachChildAsArray().flatMap(mentioned)].filter(
    (type) => !Node.isTypeParameterDeclaration(type) && type.getSourceFile().getFilePath().startsWith(runtime),
  );
}

/** The types that nobody can name who uses the declaration. */
function unnamed(declaration: ExportedDeclarations): string[] {
  // The compiler prints the value of a constant, not what it satisfies.
  const hidden = Node.isVariableDeclaration(declaration)
    ? []
    : mentioned(declaration).filter((type) => !known.has(type));
  return hidden.map((type) => type.getSymbol()?.getName() ?? type.getText());
}

test.each(entries)("the package exports every type that $entry mentions", ({ exported }) => {
  const missing = [...exported].flatMap(([name, declarations]) =>
    declarations.flatMap(unnamed).map((type) => `${name} mentions ${type}`),
  );
  expect([...new Set(missing)]).toEqual([]);
});
