import type { Codec } from "./codec.js";
import { array, integer, object, string } from "./json.js";
import { createPayload } from "./payload.js";

/** The JSON message on a saga's topics. The journal holds the truth; a DTO is for people and other tools to read. */
export interface Dto<Request, Results> {
  readonly requestId: string;
  /** "pb.BookingService/HandleAsyncBooking" */
  readonly facade: string;
  /** Position of the step that the message asks for; on the rollback topic, of the step that failed, or -1. */
  readonly currentIndex: number;
  readonly topics: readonly string[];
  readonly rollbackTopic: string;
  readonly request: Request;
  /** The responses so far, by step name. */
  readonly results: Partial<Results>;
  /** The messages as they came over the wire. Of a DTO that was read: those that its JSON does not say in full. */
  readonly wire?: DtoWire;
}

/** Protobuf bytes of a DTO's messages, each of them optional. They win over the messages that stand beside them. */
export interface DtoWire {
  readonly request?: Uint8Array;
  /** By step name. */
  readonly results?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Writes and reads a facade's DTOs. Keys are lower_snake_case, payloads proto3 JSON as the codecs write it. What a
 * payload's JSON leaves out (unknown fields, enum numbers without a name, fractions of a millisecond, NaN) is not lost:
 * the payload's bytes then stand in base64 under `wire`.
 */
export interface DtoCodec<Request = unknown, Results = object> {
  /**
   * The reference for what a payload says are its bytes in `wire`, or those that the codec gives where it has none.
   * @throws what a codec throws where a message can be written neither as JSON nor as bytes
   */
  encode(dto: Dto<Request, Results>): string;
  /** @throws SyntaxError, TypeError or RangeError where the text is not a DTO of this facade */
  decode(text: string): Dto<Request, Results>;
}

/**
 * Makes the codec of a facade's DTOs.
 * @param facade "pb.BookingService/HandleAsyncBooking"; a DTO of another facade does not decode
 */
export function defineDto<Request, Results extends object>(
  facade: string,
  codecs: {
    readonly request: Codec<Request>;
    readonly results: { readonly [Step in keyof Results]: Codec<Results[Step]> };
  },
): DtoCodec<Request, Results> {
  const requestPayload = createPayload(codecs.request, "request");
  const steps = (Object.entries(codecs.results) as [string, Codec<unknown>][]).map(
    ([step, codec]) => [step, createPayload(codec, `results.${step}`)] as const,
  );
  return {
    encode({ requestId, currentIndex, topics, rollbackTopic, request, results, wire = {} }) {
      const values = results as Record<string, unknown>;
      const written = steps
        .filter(([step]) => values[step] !== undefined)
        .map(([step, payload]) => [step, payload.write(values[step], wire.results?.[step])] as const);
      const asked = requestPayload.write(request, wire.request);
      const resultBytes = written.flatMap(([step, { bytes }]) => (bytes === undefined ? [] : [[step, bytes] as const]));
      const bytes = {
        ...(asked.bytes !== undefined && { request: asked.bytes }),
        ...(resultBytes.length > 0 && { results: Object.fromEntries(resultBytes) }),
      };
      return JSON.stringify({
        request_id: requestId,
        facade,
        current_index: currentIndex,
        topics,
        rollback_topic: rollbackTopic,
        request: asked.json,
        results: Object.fromEntries(written.map(([step, { json }]) => [step, json])),
        ...(Object.keys(bytes).length > 0 && { wire: bytes }),
      });
    },
    decode(text) {
      const json = object(JSON.parse(text), "a DTO");
      if (json.facade !== facade) {
        throw new TypeError(`a DTO of ${facade} was expected, this one says ${JSON.stringify(json.facade)}`);
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
      const asked = requestPayload.read(json.request, wire.request);
      const read = steps
        .filter(([step]) => results[step] !== undefined || wireResults[step] !== undefined)
        .map(([step, payload]) => [step, payload.read(results[step], wireResults[step])] as const);
      const resultBytes = read.flatMap(([step, { bytes }]) => (bytes === undefined ? [] : [[step, bytes] as const]));
      const bytes: DtoWire = {
        ...(asked.bytes !== undefined && { request: asked.bytes }),
        ...(resultBytes.length > 0 && { results: Object.fromEntries(resultBytes) }),
      };
      return {
        ...head,
        request: asked.message,
        results: Object.fromEntries(read.map(([step, { message }]) => [step, message])) as Partial<Results>,
        ...(Object.keys(bytes).length > 0 && { wire: bytes }),
      };
    },
  };
}
