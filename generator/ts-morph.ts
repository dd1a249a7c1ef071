import { createRequire } from "node:module";

/** The package ts-morph, which includes the TypeScript compiler. */
export type TsMorph = typeof import("ts-morph");

/**
 * Loads ts-morph, on demand because loading takes longer than the rest of a run. Uses `require`: an import would first scan
 * the 9 MB of this CommonJS module for its exports.
 */
export function loadTsMorph(): TsMorph {
  return createRequire(import.meta.url)("ts-morph") as TsMorph;
}
