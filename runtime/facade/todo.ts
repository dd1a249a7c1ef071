import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import jsTokens, { type Token } from "js-tokens";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "./definition.js";

/**
 * A placeholder in a generated stub for a value that the user fills in. It compiles in place of any value. The server
 * doesn't start while a placeholder is left, and reports its file and line.
 * @throws SagaError SAGA_NODE_TODO if it is called nevertheless
 */
export function todo(what: string): never {
  throw new SagaError("SAGA_NODE_TODO", `todo(${JSON.stringify(what)}) is not filled in yet`);
}

/** A `todo("…")` in a node file. */
export interface LeftTodo {
  readonly what: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Finds every `todo(…)` in the node files of the facades. */
export function findTodos(facades: readonly FacadeDefinition[]): LeftTodo[] {
  const files = new Set(facades.map(({ nodeFile }) => locate(nodeFile)).filter((file) => file !== undefined));
  return [...files].flatMap((file) => scan(file, readFileSync(file, "utf8")));
}

/** The path of the source file. With a TypeScript loader, the URL of "x.ts" may end in "x.js". */
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
    const significant = !ignored.has(token.type);
    const called = significant && name?.type === "IdentifierName" && names.has(name.value) && bracket?.value === "(";
    if (called && before?.value !== "." && before?.value !== "function") {
      todos.push({ what: isText(token) ? unquoted(token.value) : "…", file, line });
    }
    line += token.value.split(/\r\n?|\n/).length - 1;
    if (significant) {
      recent = [...recent.slice(-2), token];
      while (recent.length < 3) {
        recent.unshift({ type: "WhiteSpace", value: "" });
      }
    }
  }
  return todos;
}

/** The local names of `todo`. The generator imports it as todo_2 if a node is named todo. */
function localNames(text: string): ReadonlySet<string> {
  const names = [...text.matchAll(/\btodo\s+as\s+([\w$]+)/g)].map(([, name = ""]) => name);
  return new Set(["todo", ...names]);
}

function unquoted(literal: string): string {
  return literal.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}

const ignored: ReadonlySet<string> = new Set([
  "WhiteSpace",
  "LineTerminatorSequence",
  "SingleLineComment",
  "MultiLineComment",
]);

function isText({ type }: Token): boolean {
  return type === "StringLiteral" || type === "NoSubstitutionTemplate";
}
