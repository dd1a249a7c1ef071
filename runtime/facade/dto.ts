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
  /** Absent where the sender did not have it. */
  readonly request?: Request;
  /** The responses so far, by step name. */
  readonly results: Results;
}

/** Writes and reads a facade's DTOs. Keys are lower_snake_case, payloads proto3 JSON. */
export interface DtoCodec<Request = unknown, Results = Readonly<Record<string, unknown>>> {
  encode(dto: Dto<Request, Results>): string;
  /** @throws SyntaxError, TypeError or RangeError where the text is not a DTO of this facade */
  decode(text: string): Dto<Request, Results>;
}
