import type { Codec } from "./codec.js";
import { base64 } from "./json.js";

/** One message of a DTO: written as JSON for people, and as bytes where the JSON does not say it all. */
export interface Payload<Message> {
  /**
   * @param wire the message as it came over the wire; absent: as the codec encodes it
   * @returns `bytes` in base64, absent where the JSON says all that they say; `json` is null where there is no JSON for it
   */
  write(message: Message, wire: Uint8Array | undefined): { readonly json: unknown; readonly bytes?: string };
  /** @throws SyntaxError, TypeError or RangeError where neither the bytes nor the JSON are a message */
  read(json: unknown, bytes: unknown): { readonly message: Message; readonly bytes?: Uint8Array };
}

/** Makes a payload of messages of one type. @param what its place in the DTO, for errors */
export function createPayload<Message>(codec: Codec<Message>, what: string): Payload<Message> {
  return {
    write(message, wire) {
      const bytes = wire ?? codec.encode(message).finish();
      const json = jsonOf(codec, message);
      return json !== undefined && saysAll(codec, json, bytes)
        ? { json }
        : { json: json ?? null, bytes: toBase64(bytes) };
    },
    read(json, bytes) {
      if (bytes === undefined) {
        if (json === undefined || json === null) {
          throw new TypeError(`${what} must be a JSON value, or stand under wire`);
        }
        return { message: codec.fromJSON(json) };
      }
      const read = base64(bytes, `wire.${what}`);
      return { message: decode(codec, read, `wire.${what}`), bytes: read };
    },
  };
}

/** null where there is no JSON for the message, such as for a timestamp past the year 275760. */
function jsonOf<Message>(codec: Codec<Message>, message: Message): unknown {
  try {
    // Through text and back: what JSON can't say, such as NaN and -0, is gone from here on.
    return JSON.parse(JSON.stringify(codec.toJSON(message)));
  } catch {
    return null;
  }
}

/**
 * Whether the message that is read from the JSON has these bytes. Bytes that say the same in another order count as
 * other ones: that costs a little space, and nothing else.
 */
function saysAll<Message>(codec: Codec<Message>, json: unknown, bytes: Uint8Array): boolean {
  try {
    const said = codec.encode(codec.fromJSON(json)).finish();
    return said.length === bytes.length && Buffer.compare(said, bytes) === 0;
  } catch {
    return false;
  }
}

function decode<Message>(codec: Codec<Message>, bytes: Uint8Array, what: string): Message {
  try {
    return codec.decode(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RangeError(`${what} must be the bytes of a message: ${why}`, { cause: error });
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
