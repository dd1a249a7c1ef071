import type { Diagnostic } from "../model.js";
import { lineAndColumn } from "./parse.js";
import { renamedTo } from "./rename.js";

/** Warns about a node file whose facade is gone. Told by its import of `Nodes`, without parsing it. */
export function goneFacade(path: string, shownPath: string, text: string, unstarted: readonly string[]): Diagnostic[] {
  const place = path.replace(/\.ts$/, "");
  const imports = /\bimport\s+(?:type\s*)?\{[^}]*\bNodes\b[^}]*\}\s*from\s*["']([^"']+)["']/.exec(text);
  const module = imports?.[1]?.replace(/\.[jt]s$/, "");
  if (!imports || !module?.endsWith(`facade/${place}`)) {
    return [];
  }
  const guess = renamedTo(path, unstarted);
  const hint = guess === undefined ? "delete the file if its code is not needed" : `moved to ${guess}?`;
  const message = `The facade of this node file no longer exists; ${hint}`;
  return [
    {
      severity: "warning",
      code: "SAGA_STUB_FACADE_GONE",
      place: { path: shownPath, ...lineAndColumn(text, imports.index) },
      message,
    },
  ];
}
