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
  const names = localNames(text);
  let line = 1;
  let recent: Token[] = [];
  for (const token of jsTokens(text)) {
    const [before, name, bracket] = recent;
    const counts = !passedOver.has(token.type);
    const called = counts && name?.type === "IdentifierName" && names.has(name.value) && bracket?.value === "(";
    if (called && before?.value !== "." && before?.value !== "function") {
      todos.push({ what: isText(token) ? unquoted(token.value) : "…", file, line });
    }
    line += token.value.split(/\r\n?|\n/).length - 1;
    if (counts) {
      recent = [...recent.slice(-2), token];
      while (recent.length < 3) {
        recent.unshift({ type: "WhiteSpace", value: "" });
      }
    }
  }
  return todos;
}

/** The names that a file has `todo` under: the generator imports it as todo_2 where a node is called so. */
function localNames(text: string): ReadonlySet<string> {
  const names = [...text.matchAll(/\btodo\s+as\s+([\w$]+)/g)].map(([, name = ""]) => name);
  return new Set(["todo", ...names]);
}

function unquoted(literal: string): string {
  return literal.slice(1, -1).replaceAll(/\\(.)/g, "$1");
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
