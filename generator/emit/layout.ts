/**
 * A small layout language like Prettier's: groups that fit are printed on one line, others are broken as a formatter would.
 * It avoids a formatting pass over the output, which would take longer than the rest of a run.
 */
export type Layout =
  | string
  | readonly Layout[]
  | { readonly kind: "indent"; readonly content: Layout }
  | { readonly kind: "group"; readonly content: Layout; readonly broken: boolean }
  | { readonly kind: "line"; readonly flat: string; readonly hard: boolean }
  | { readonly kind: "broken"; readonly content: string };

/** The maximum width of a line. */
export const lineWidth = 120;

/** A space, or a line break if the group doesn't fit. */
const line: Layout = { kind: "line", flat: " ", hard: false };

/** Nothing, or a line break if the group doesn't fit. */
const softLine: Layout = { kind: "line", flat: "", hard: false };

/** A line break. It breaks all groups around it. */
export const hardLine: Layout = { kind: "line", flat: "", hard: true };

/** Breaks all lines of the group, or none. */
function group(content: Layout): Layout {
  return { kind: "group", content, broken: hasHardLine(content) };
}

/** Indents the lines that start inside. */
export function indent(content: Layout): Layout {
  return { kind: "indent", content };
}

/** `items` with `separator` between them. */
export function join(separator: Layout, items: readonly Layout[]): Layout {
  return items.flatMap((item, position) => (position === 0 ? [item] : [separator, item]));
}

/** `{ a, b }`, or one item per line with a trailing comma. */
export function braces(items: readonly Layout[], options: { readonly broken?: boolean } = {}): Layout {
  return enclosed("{", items, "}", options.broken ? hardLine : line);
}

/** `[a, b]`, or one item per line with a trailing comma. */
export function brackets(items: readonly Layout[], options: { readonly broken?: boolean } = {}): Layout {
  return enclosed("[", items, "]", options.broken ? hardLine : softLine);
}

/** `(a, b)`, or one argument per line with a trailing comma. */
export function parentheses(items: readonly Layout[]): Layout {
  return enclosed("(", items, ")", softLine);
}

/** `key: value`, or `key` if they are equal. */
export function property(key: string, value: string): string {
  return key === value ? key : `${key}: ${value}`;
}

/** `<A, B>`, or one argument per line without a trailing comma, as formatters leave type arguments. */
export function typeArguments(items: readonly Layout[], options: { readonly broken?: boolean } = {}): Layout {
  const edge = options.broken ? hardLine : softLine;
  return group(["<", indent([edge, join([",", line], items)]), edge, ">"]);
}

/** `{ readonly a: A; readonly b: B }`, or one member per line. */
export function typeLiteral(members: readonly Layout[]): Layout {
  const last: Layout = { kind: "broken", content: ";" };
  return group(["{", indent([line, join([";", line], members), last]), line, "}"]);
}

function enclosed(open: string, items: readonly Layout[], close: string, edge: Layout): Layout {
  if (items.length === 0) {
    return `${open}${close}`;
  }
  const last: Layout = { kind: "broken", content: "," };
  return group([open, indent([edge, join([",", line], items), last]), edge, close]);
}

/** The text of a layout. */
export function print(layout: Layout): string {
  const pieces: string[] = [];
  let column = 0;
  let indentation = "";
  const write = (piece: string): void => {
    // The indentation is printed with the first piece of its line, so that empty lines stay empty.
    if (piece !== "") {
      pieces.push(indentation, piece);
      indentation = "";
      column += piece.length;
    }
  };
  const walk = (node: Layout, level: number, broken: boolean, rest: number): void => {
    if (typeof node === "string") {
      write(node);
    } else if (!("kind" in node)) {
      node.forEach((part, position) => {
        walk(part, level, broken, trailing(node, position + 1, broken, rest));
      });
    } else if (node.kind === "indent") {
      walk(node.content, level + 1, broken, rest);
    } else if (node.kind === "group") {
      walk(node.content, level, node.broken || column + flatWidth(node.content) + rest > lineWidth, rest);
    } else if (node.kind === "broken") {
      write(broken ? node.content : "");
    } else if (!broken) {
      write(node.flat);
    } else {
      pieces.push("\n");
      indentation = "  ".repeat(level);
      column = indentation.length;
    }
  };
  walk(layout, 0, true, 0);
  return pieces.join("");
}

/** The width of what must follow on the same line, up to the first possible break. */
function trailing(parts: readonly Layout[], from: number, broken: boolean, rest: number): number {
  let width = 0;
  for (let i = from; i < parts.length; i += 1) {
    const part = parts[i] ?? "";
    if (typeof part === "string") {
      width += part.length;
    } else if ("kind" in part && part.kind === "broken") {
      width += broken ? part.content.length : 0;
    } else {
      return width;
    }
  }
  return width + rest;
}

function flatWidth(node: Layout): number {
  if (typeof node === "string") {
    return node.length;
  }
  if (!("kind" in node)) {
    return node.reduce((width, part) => width + flatWidth(part), 0);
  }
  return node.kind === "line" ? node.flat.length : node.kind === "broken" ? 0 : flatWidth(node.content);
}

function hasHardLine(node: Layout): boolean {
  if (typeof node === "string") {
    return false;
  }
  if (!("kind" in node)) {
    return node.some(hasHardLine);
  }
  if (node.kind === "line") {
    return node.hard;
  }
  return node.kind !== "broken" && hasHardLine(node.content);
}
