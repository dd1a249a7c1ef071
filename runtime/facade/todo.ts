import { SagaError } from "../core/errors.js";

/**
 * Stands in a generated stub for a value that only you can give. It compiles wherever a value is wanted; the server
 * refuses to start while one is left, and names it with file and line.
 * @throws SagaError SAGA_NODE_TODO when it is reached all the same
 */
export function todo(what: string): never {
  throw new SagaError("SAGA_NODE_TODO", `todo(${JSON.stringify(what)}) is still to be filled in.`);
}
