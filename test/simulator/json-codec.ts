import type { Codec } from "../../runtime/facade/codec.js";

/** Messages as JSON. Bytes that are no JSON do not decode. */
export const jsonCodec: Codec<unknown> = {
  encode: (message) => ({ finish: () => Buffer.from(JSON.stringify(message)) }),
  decode: (bytes) => (bytes.length === 0 ? {} : JSON.parse(Buffer.from(bytes).toString())),
  fromJSON: (json) => json,
  toJSON: (message) => message,
};
