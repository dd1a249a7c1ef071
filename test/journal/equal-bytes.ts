import { expect } from "vitest";

/** Has `toEqual` take a Buffer for the Uint8Array that it is: which of the two a journal gives is its own affair. */
export function compareBytesByContent(): void {
  expect.addEqualityTesters([
    (one, other) =>
      one instanceof Uint8Array && other instanceof Uint8Array ? Buffer.compare(one, other) === 0 : undefined,
  ]);
}
