import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FacadeDefinition } from "./definition.js";

/** A `todo("…")` that is left in a node file. */
export interface LeftTodo {
  readonly what: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Comments and strings, so that a `todo(` within one is passed over; or a call of todo. */
const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\btodo\s*\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

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
  for (const match of text.matchAll(token)) {
    const what = match[2];
    if (what !== undefined) {
      todos.push({ what, file, line: text.slice(0, match.index).split("\n").length });
    }
  }
  return todos;
}
