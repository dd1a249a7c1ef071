import type { Diagnostic, Place } from "../model.js";
import { type GeneratorCode, generatorCodes } from "./codes.js";

/**
 * Reports a violated rule.
 * @param message what is wrong; how to fix it
 */
export type Report = (code: GeneratorCode, place: Place, message: string) => void;

/** Collects reports. Two facades may report the same error of an RPC: it is kept once. */
export function collectReports(): { readonly report: Report; sorted(): readonly Diagnostic[] } {
  const found = new Map<string, Diagnostic>();
  return {
    report: (code, place, message) => {
      const diagnostic = { severity: generatorCodes[code].severity, code, place, message };
      found.set(renderDiagnostic(diagnostic), diagnostic);
    },
    sorted: () => [...found.values()].sort(byPlace),
  };
}

/** `path:line:col: SAGA_CODE: what is wrong; how to fix it` */
export function renderDiagnostic({ place, code, message }: Diagnostic): string {
  return `${place.path}:${place.line}:${place.column}: ${code}: ${message}`;
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (
    compare(a.place.path, b.place.path) ||
    a.place.line - b.place.line ||
    a.place.column - b.place.column ||
    compare(a.code, b.code)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
