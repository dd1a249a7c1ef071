/**
 * The value, once it is sure that it is a JSON object.
 * @param what names it in the error
 * @throws TypeError
 */
export function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} must be a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** The value, once it is sure that it is a JSON array. @throws TypeError */
export function array(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) {
    throw new TypeError(`${what} must be a JSON array`);
  }
  return value;
}

/** The value, once it is sure that it is a string. @throws TypeError */
export function string(value: unknown, what: string): string {
  if (typeof value !== "string") {
    throw new TypeError(`${what} must be a string`);
  }
  return value;
}

/** The value, once it is sure that it is an integer. @throws RangeError */
export function integer(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new RangeError(`${what} must be an integer`);
  }
  return value;
}

/** The bytes of a base64 text. @throws TypeError where it is no string, or not just what base64 writes for some bytes */
export function base64(value: unknown, what: string): Uint8Array {
  const text = string(value, what);
  const bytes = Buffer.from(text, "base64");
  // Node reads what it can and passes over the rest.
  if (bytes.toString("base64") !== text) {
    throw new TypeError(`${what} must be base64`);
  }
  return new Uint8Array(bytes);
}
