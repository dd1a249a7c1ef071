import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ts } from "ts-morph";

/** How a mutation changes the statement at its point. */
export type Change =
  /** The condition of the `if` statement is always false, or always true. */
  | { readonly kind: "never" | "always" }
  /** This code replaces the statement. */
  | { readonly kind: "instead"; readonly code: string }
  /** The pattern, which must match once within the statement, is replaced. */
  | { readonly kind: "replace"; readonly pattern: RegExp; readonly by: string };

/**
 * A place that the code names: `// mutation: entry-number-is-unique` on its own line. It names the statement,
 * operand or argument that begins on the next line. A statement may have several names, one per line.
 */
export interface MutationPoint {
  readonly name: string;
  /** Relative to the folder that was searched. */
  readonly file: string;
  /** Where the statement begins and ends in the file's text. */
  readonly start: number;
  readonly end: number;
}

/** Finds all points in the TypeScript files under a folder. @throws Error if a name is used twice */
export function findMutationPoints(folder: string): Map<string, MutationPoint> {
  const points = new Map<string, MutationPoint>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.startsWith("dist")) continue;
    for (const point of pointsIn(readFileSync(join(folder, file), "utf8"), file)) {
      const other = points.get(point.name);
      if (other !== undefined) {
        throw new Error(`the mutation point "${point.name}" is in ${other.file} and in ${file}; rename one of them`);
      }
      points.set(point.name, point);
    }
  }
  return points;
}

function pointsIn(text: string, file: string): MutationPoint[] {
  const marks = [...text.matchAll(/^ *\/\/ mutation: (\S+)\n/gm)];
  if (marks.length === 0) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  return marks.map((mark) => {
    const name = mark[1] ?? "";
    const code = /^(?: *\/\/.*\n)* */gm;
    code.lastIndex = mark.index;
    const start = mark.index + (code.exec(text)?.[0].length ?? 0);
    const node = outermostAt(source, source, start);
    if (node === undefined) throw new Error(`no statement follows the mutation point "${name}" in ${file}`);
    return { name, file, start, end: node.getEnd() };
  });
}

function outermostAt(node: ts.Node, source: ts.SourceFile, start: number): ts.Node | undefined {
  return ts.forEachChild(node, (child) => {
    if (child.getStart(source) === start) return child;
    return child.pos <= start && start < child.end ? outermostAt(child, source, start) : undefined;
  });
}

/** Changes the statement at a point of this text. @throws Error if the change does not fit the statement */
export function mutate(text: string, { name, file, start, end }: MutationPoint, change: Change): string {
  const before = text.slice(start, end);
  const after = changed(before, change);
  if (after === undefined || after === before) {
    throw new Error(
      `the change of "${name}" does not fit its statement in ${file}; fix scripts/mutations.ts:\n${before}`,
    );
  }
  return text.slice(0, start) + after + text.slice(end);
}

function changed(statement: string, change: Change): string | undefined {
  switch (change.kind) {
    case "instead":
      return change.code;
    case "replace": {
      const all = new RegExp(change.pattern, `${change.pattern.flags}g`);
      const once = [...statement.matchAll(all)].length === 1;
      return once ? statement.replace(change.pattern, () => change.by) : undefined;
    }
    default: {
      const source = ts.createSourceFile("statement.ts", statement, ts.ScriptTarget.Latest);
      const [first] = source.statements;
      if (first === undefined || !ts.isIfStatement(first)) return undefined;
      const { pos, end } = first.expression;
      return statement.slice(0, pos) + String(change.kind === "always") + statement.slice(end);
    }
  }
}
