import { readFileSync } from "node:fs";
import { SagaError } from "../core/errors.js";

/** A PEM file's bytes. @param key the configuration's key that names it @throws SagaError SAGA_CONFIG_INVALID */
export function readPem(path: string, key: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (!bytes.includes("-----BEGIN ")) {
      throw new Error("it is not a PEM file");
    }
    return bytes;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `${key}: ${path} can't be used: ${why}`, { cause: error });
  }
}
