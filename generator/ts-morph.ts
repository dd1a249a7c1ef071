import { createRequire } from "node:module";

/** The package ts-morph, and TypeScript's compiler that it brings along. */
export type TsMorph = typeof import("ts-morph");

/**
 * Loads ts-morph. It takes longer than all else that a run does, so only runs that need it ask for it; and it is
 * required, since importing a CommonJS module of 9 MB first searches it for what it may export.
 */
export function loadTsMorph(): TsMorph {
  return createRequire(import.meta.url)("ts-morph") as TsMorph;
}
