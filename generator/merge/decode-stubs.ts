import type { Diagnostic } from "../model.js";

/** The files of stubs_dir as text. */
export interface DecodedStubs {
  readonly texts: ReadonlyMap<string, string>;
  readonly diagnostics: Diagnostic[];
}

/**
 * Decodes the files in stubs_dir and keeps byte order marks. A response can contain only UTF-8: a node file with another
 * encoding is an error, another such file is not changed.
 */
export function decodeStubs(
  stubs: ReadonlyMap<string, Uint8Array>,
  own: ReadonlySet<string>,
  shown: (path: string) => string,
): DecodedStubs {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const texts = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  for (const [path, bytes] of stubs) {
    try {
      texts.set(path, decoder.decode(bytes));
    } catch {
      diagnostics.push({
        severity: own.has(path) ? "error" : "warning",
        code: "SAGA_STUB_ENCODING",
        place: { path: shown(path), line: 1, column: 1 },
        message: own.has(path)
          ? "This node file is not UTF-8. Convert it; nothing was written."
          : "This file is not UTF-8, so the response can't contain it: buf's `clean` would delete it.",
      });
    }
  }
  return { texts, diagnostics };
}
