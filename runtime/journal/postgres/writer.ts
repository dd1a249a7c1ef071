import { randomBytes } from "node:crypto";

/** Names each call that writes, as a UUID: eight random bytes for the process and eight that count. */
export interface Writer {
  next(): string;
}

/** Makes the names of one process, more exactly: of one opened journal. */
export function createWriter(): Writer {
  const nonce = randomBytes(8).toString("hex");
  const prefix = `${nonce.slice(0, 8)}-${nonce.slice(8, 12)}-${nonce.slice(12)}`;
  let count = 0;
  return {
    next() {
      const hex = (count++).toString(16).padStart(16, "0");
      return `${prefix}-${hex.slice(0, 4)}-${hex.slice(4)}`;
    },
  };
}
