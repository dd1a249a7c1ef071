import type { Codec } from "./codec.js";

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
}

/** Writes and reads a facade's DTOs. Keys are lower_snake_case, payloads proto3 JSON. */
export interface DtoCodec<Request = unknown, Results = object> {
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
  const steps = Object.entries(codecs.results) as [string, Codec<unknown>][];
  return {
    encode(dto) {
      const results = dto.results as Record<string, unknown>;
      const written = steps.filter(([step]) => results[step] !== undefined);
      return JSON.stringify({
        request_id: dto.requestId,
        facade,
        current_index: dto.currentIndex,
        topics: dto.topics,
        rollback_topic: dto.rollbackTopic,
        request: codecs.request.toJSON(dto.request),
        results: Object.fromEntries(written.map(([step, codec]) => [step, codec.toJSON(results[step])])),
      });
    },
    decode(text) {
      const json = object(JSON.parse(text), "a DTO");
      if (json.facade !== facade) {
        throw new TypeError(`a DTO of ${facade} was expected, this one says ${JSON.stringify(json.facade)}`);
      }
      const results = object(json.results ?? {}, "results");
      const read = steps.filter(([step]) => results[step] !== undefined);
      return {
        requestId: string(json.request_id, "request_id"),
        facade,
        currentIndex: integer(json.current_index, "current_index"),
        topics: array(json.topics, "topics").map((topic) => string(topic, "topics")),
        rollbackTopic: string(json.rollback_topic, "rollback_topic"),
        request: codecs.request.fromJSON(json.request),
        results: Object.fromEntries(
          read.map(([step, codec]) => [step, codec.fromJSON(results[step])]),
        ) as Partial<Results>,
      };
    },
  };
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
