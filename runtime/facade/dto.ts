import type { Codec } from "./codec.js";

/** The JSON body of a message on a saga's topics. The journal is authoritative; a DTO is for people and other tools. */
export interface Dto<Request, Results> {
  readonly requestId: string;
  /** "pb.BookingService/HandleAsyncBooking" */
  readonly facade: string;
  /** The position of the step to run. On the rollback topic: of the step that failed, or -1. */
  readonly currentIndex: number;
  readonly topics: readonly string[];
  readonly rollbackTopic: string;
  readonly request: Request;
  /** The responses so far, by step name. */
  readonly results: Partial<Results>;
  /** The messages as protobuf bytes. After decoding: only those of messages whose JSON is incomplete. */
  readonly wire?: DtoWire;
}

/** Protobuf bytes of a DTO's messages, each optional. They take precedence over the messages' JSON. */
export interface DtoWire {
  readonly request?: Uint8Array;
  /** By step name. */
  readonly results?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Encodes and decodes a facade's DTOs. Keys are lower_snake_case, messages are proto3 JSON. If the JSON of a message is
 * incomplete (unknown fields, enum numbers without a name, fractions of a millisecond, NaN), the DTO has the message's bytes
 * as base64 under `wire`, too.
 */
export interface DtoCodec<Request = unknown, Results = object> {
  /**
   * Encodes each message from its bytes in `wire` if there are any, else from the message.
   * @throws the codec's error if a message can be encoded neither as JSON nor as bytes
   */
  encode(dto: Dto<Request, Results>): string;
  /** @throws SyntaxError, TypeError or RangeError if the text is not a DTO of this facade */
  decode(text: string): Dto<Request, Results>;
}

/**
 * Creates the codec of a facade's DTOs.
 * @param facade "pb.BookingService/HandleAsyncBooking"; a DTO of another facade is not decoded
 */
export function defineDto<Request, Results extends object>(
  facade: string,
  codecs: {
    readonly request: Codec<Request>;
    readonly results: { readonly [Step in keyof Results]: Codec<Results[Step]> };
  },
): DtoCodec<Request, Results> {
  const steps = Object.entries(codecs.results) as [string, Codec<unknown>][];
  return {
    encode({ requestId, currentIndex, topics, rollbackTopic, request, results, wire = {} }) {
      const messages = results as Record<string, unknown>;
      const encodedRequest = encodeMessage(codecs.request, request, wire.request);
      const encodedResults = steps
        .filter(([step]) => messages[step] !== undefined)
        .map(([step, codec]) => [step, encodeMessage(codec, messages[step], wire.results?.[step])] as const);
      return JSON.stringify({
        request_id: requestId,
        facade,
        current_index: currentIndex,
        topics,
        rollback_topic: rollbackTopic,
        request: encodedRequest.json,
        results: Object.fromEntries(encodedResults.map(([step, { json }]) => [step, json])),
        ...wireOf(encodedRequest, encodedResults),
      });
    },
    decode(text) {
      const json = object(JSON.parse(text), "a DTO");
      if (json.facade !== facade) {
        throw new TypeError(`the DTO must be of facade ${facade}, but is of ${JSON.stringify(json.facade)}`);
      }
      const results = object(json.results ?? {}, "results");
      const wire = object(json.wire ?? {}, "wire");
      const wireResults = object(wire.results ?? {}, "wire.results");
      const head = {
        requestId: string(json.request_id, "request_id"),
        facade,
        currentIndex: integer(json.current_index, "current_index"),
        topics: array(json.topics, "topics").map((topic) => string(topic, "topics")),
        rollbackTopic: string(json.rollback_topic, "rollback_topic"),
      };
      const request = decodeMessage(codecs.request, json.request, wire.request, "request");
      const decodedResults = steps
        .filter(([step]) => results[step] !== undefined || wireResults[step] !== undefined)
        .map(([step, codec]) => {
          return [step, decodeMessage(codec, results[step], wireResults[step], `results.${step}`)] as const;
        });
      const messages = Object.fromEntries(decodedResults.map(([step, { message }]) => [step, message]));
      return {
        ...head,
        request: request.message,
        results: messages as Partial<Results>,
        ...wireOf(request, decodedResults),
      };
    },
  };
}

interface WithBytes<Bytes> {
  readonly bytes?: Bytes;
}

/** The member `wire` with the bytes of a DTO's messages; no member if there are none. */
function wireOf<Bytes>(request: WithBytes<Bytes>, results: readonly (readonly [string, WithBytes<Bytes>])[]) {
  const resultBytes = results.flatMap(([step, { bytes }]) => (bytes === undefined ? [] : [[step, bytes] as const]));
  const wire = {
    ...(request.bytes !== undefined && { request: request.bytes }),
    ...(resultBytes.length > 0 && { results: Object.fromEntries(resultBytes) }),
  };
  return Object.keys(wire).length > 0 ? { wire } : {};
}

interface EncodedMessage extends WithBytes<string> {
  /** null if the message has no JSON, such as a timestamp after the year 275760. */
  readonly json: unknown;
}

/** Encodes a message as JSON, and as base64 if its JSON is incomplete. @param wire its bytes; default: those of the codec */
function encodeMessage<Message>(codec: Codec<Message>, message: Message, wire: Uint8Array | undefined): EncodedMessage {
  const bytes = wire ?? codec.encode(message).finish();
  const json = jsonOf(codec, message);
  return isComplete(codec, json, bytes) ? { json } : { json, bytes: toBuffer(bytes).toString("base64") };
}

function jsonOf<Message>(codec: Codec<Message>, message: Message): unknown {
  try {
    // The round trip through text drops what JSON can't represent, such as NaN and -0.
    return JSON.parse(JSON.stringify(codec.toJSON(message)));
  } catch {
    return null;
  }
}

/** Whether the message of the JSON encodes to these bytes. Another order of fields counts as different, which is harmless. */
function isComplete<Message>(codec: Codec<Message>, json: unknown, bytes: Uint8Array): boolean {
  try {
    return Buffer.compare(codec.encode(codec.fromJSON(json)).finish(), bytes) === 0;
  } catch {
    return false;
  }
}

/** Decodes a message from its base64 or its JSON. @throws SyntaxError, TypeError or RangeError */
function decodeMessage<Message>(
  codec: Codec<Message>,
  json: unknown,
  wire: unknown,
  what: string,
): WithBytes<Uint8Array> & { readonly message: Message } {
  if (wire === undefined) {
    if (json === undefined || json === null) {
      throw new TypeError(`${what} must be a JSON value, or base64 under wire`);
    }
    return { message: codec.fromJSON(json) };
  }
  const bytes = base64(wire, `wire.${what}`);
  try {
    return { message: codec.decode(bytes), bytes };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RangeError(`wire.${what} must be the bytes of a message: ${why}`, { cause: error });
  }
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} must be a JSON object`);
  }
  return value as Record<string, unknown>;
}

function array(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) {
    throw new TypeError(`${what} must be a JSON array`);
  }
  return value;
}

function string(value: unknown, what: string): string {
  if (typeof value !== "string") {
    throw new TypeError(`${what} must be a string`);
  }
  return value;
}

function integer(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new RangeError(`${what} must be an integer`);
  }
  return value;
}

function base64(value: unknown, what: string): Uint8Array {
  const text = string(value, what);
  const bytes = Buffer.from(text, "base64");
  // Node ignores characters that are not base64.
  if (bytes.toString("base64") !== text) {
    throw new TypeError(`${what} must be base64`);
  }
  return new Uint8Array(bytes);
}

function toBuffer(view: Uint8Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
