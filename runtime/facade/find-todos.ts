import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import jsTokens, { type Token } from "js-tokens";
import type { FacadeDefinition } from "./definition.js";

/** A `todo("…")` that is left in a node file. */
export interface LeftTodo {
  readonly what: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Every todo that is left in the facades' node files. */
export function findTodos(facades: readonly FacadeDefinition[]): LeftTodo[] {
  const files = new Set(facades.map(({ nodeFile }) => locate(nodeFile)).filter((file) => file !== undefined));
  return [...files].flatMap((file) => scan(file, readFileSync(file, "utf8")));
}

/** The file as it lies on disk: run through a TypeScript loader, "x.js" is "x.ts". */
function locate(url: URL): string | undefined {
  const file = fileURLToPath(url);
  const bare = file.replace(/\.[cm]?[jt]s$/, "");
  return [file, `${bare}.ts`, `${bare}.js`].find((candidate) => existsSync(candidate));
}

function scan(file: string, text: string): LeftTodo[] {
  const todos: LeftTodo[] = [];
  let line = 1;
  let recent: Token[] = [];
  for (const token of jsTokens(text)) {
    const [name, bracket] = recent;
    if (name?.value === "todo" && name.type === "IdentifierName" && bracket?.value === "(" && isText(token)) {
      todos.push({ what: token.value.slice(1, -1).replaceAll(/\\(.)/g, "$1"), file, line });
    }
    line += token.value.split(/\r\n?|\n/).length - 1;
    if (!passedOver.has(token.type)) {
      recent = [...recent.slice(-1), token];
    }
  }
  return todos;
}

const passedOver: ReadonlySet<string> = new Set([
  "WhiteSpace",
  "LineTerminatorSequence",
  "SingleLineComment",
  "MultiLineComment",
]);

function isText({ type }: Token): boolean {
  return type === "StringLiteral" || type === "NoSubstitutionTemplate";
}
