import type { Codec } from "../../../runtime/facade/codec.js";

/** Messages as JSON text: what a node gives is what an upstream, or the next node, reads. Bytes that are no JSON do not decode. */
export const jsonCodec: Codec<unknown> = {
  encode: (message) => ({ finish: () => toBytes(message) }),
  decode: (bytes) => fromBytes(bytes),
  fromJSON: (json) => json,
  toJSON: (message) => message,
};

/** The bytes of a message; its properties keep their order. @throws TypeError where JSON can't say it */
export function toBytes(message: unknown): Uint8Array {
  const text: string | undefined = JSON.stringify(message);
  if (text === undefined) {
    throw new TypeError("this is no message");
  }
  return new TextEncoder().encode(text);
}

/** The message in bytes, with its properties in the order of their names; no bytes are an empty message. */
export function fromBytes(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  return text === "" ? {} : inOrder(JSON.parse(text));
}

function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value;
  }
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}
