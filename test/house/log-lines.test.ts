import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ts } from "ts-morph";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

const levels = ["debug", "info", "warn", "error"];

interface Line {
  /** Undefined if it is chosen at run time. */
  readonly level: string | undefined;
  /** The constant parts of the text, in order. */
  readonly parts: readonly string[];
  readonly where: string;
}

const sources = ["broker", "engine", "grpc", "journal", "operate"].flatMap((folder) =>
  readdirSync(join(repository, "runtime", folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join("runtime", folder, path)),
);

/** The log calls of a source: `log.warn(…, "text")`, `server.logger.info(…)`, `log[level](…)`. */
function linesOf(file: string): Line[] {
  const source = ts.createSourceFile(file, readFileSync(join(repository, file), "utf8"), ts.ScriptTarget.Latest, true);
  const found: Line[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.arguments[1] !== undefined) {
      const { expression: callee } = node;
      const isAccess = ts.isPropertyAccessExpression(callee) || ts.isElementAccessExpression(callee);
      const level = ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined;
      if (isAccess && /\blog(ger)?\??$/i.test(callee.expression.getText()) && levels.includes(level ?? "debug")) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        const where = `${file}:${line + 1}`;
        found.push(...textsOf(node.arguments[1]).map((parts) => ({ level, parts, where })));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The texts that an expression may have. None if it is not a text: an error's message, for example. */
function textsOf(node: ts.Expression): string[][] {
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (ts.isStringLiteralLike(node)) return [[node.text]];
  if (!ts.isTemplateExpression(node)) return [];
  return [
    [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].filter((part) => part.trim() !== ""),
  ];
}

/** The rows of the page's tables: level and text. */
const rows = readFileSync(join(repository, "docs/reference/log-lines.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, level, text] = /^\| (debug|info|warn|error) +\| (.+?) +\|/.exec(line) ?? [];
    return level === undefined || text === undefined ? [] : [{ level, text }];
  });

const lines = sources.flatMap(linesOf);

test("the page has every log line, with its level", () => {
  expect(lines.length).toBeGreaterThan(30);
  const missing = lines.filter(
    ({ level, parts }) =>
      !rows.some((row) => (level ?? row.level) === row.level && parts.every((part) => row.text.includes(part.trim()))),
  );
  expect(missing).toEqual([]);
});

test("the page has no other lines", () => {
  const code = sources.map((file) => readFileSync(join(repository, file), "utf8")).join("\n");
  const texts = rows.flatMap(({ text }) =>
    [...text.matchAll(/`([^`]+)`/g)].flatMap(([, quoted = ""]) => quoted.split("…")),
  );
  expect(texts.filter((text) => !code.includes(text.trim()))).toEqual([]);
});
