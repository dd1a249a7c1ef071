import type { Codec } from "../../facade/codec.js";
import type { FacadeDefinition } from "../../facade/definition.js";
import type { Dto } from "../../facade/dto.js";

/**
 * The messages that the fault matrix is run with, as far as you give them: what a sample file exports. The type is made of
 * the one of the facade's messages on topics, which has the types of all of them.
 */
export interface Sample<Message extends Pick<Dto<unknown, unknown>, "request" | "results">> extends Accepted {
  /** The facade's request. */
  readonly request?: Message["request"];
  /** What the upstreams answer, by step. */
  readonly responses?: Message["results"];
}

/** What compensations may say although it looks wrong. */
export interface Accepted {
  /**
   * Ids in compensations' requests that may be others than those of the call that they undo, as "createOrder.orderId": the
   * step's name and the field's.
   */
  readonly otherIds?: readonly string[];
  /**
   * Steps whose compensation may say nothing where the answer was lost, by name: their upstream finds by the idempotency key
   * what to undo.
   */
  readonly undoneByKey?: readonly string[];
}

/** Messages in proto3 JSON, which a generated spec makes up. */
export interface MadeUp {
  readonly request?: unknown;
  /** By step name. */
  readonly responses?: Readonly<Record<string, unknown>>;
}

/** All messages that a run needs. */
export interface Messages {
  readonly request: unknown;
  /** The bytes of each step's response, by step name. */
  readonly responses: ReadonlyMap<string, Uint8Array>;
}

/**
 * Completes a sample by what is made up, and what neither has by empty messages.
 * @throws Error where one can't be encoded, naming it
 */
export function messagesOf(
  facade: FacadeDefinition,
  sample: { readonly request?: unknown; readonly responses?: object },
  madeUp: MadeUp,
): Messages {
  const own = (sample.responses ?? {}) as Readonly<Record<string, unknown>>;
  const request = message(facade.request, sample.request, madeUp.request, "the sample's request");
  const responses = facade.steps.map(({ name, response }) => {
    const { bytes } = message(response, own[name], madeUp.responses?.[name], `the sample's response of ${name}`);
    return [name, bytes] as const;
  });
  return { request: request.value, responses: new Map(responses) };
}

function message(codec: Codec<unknown>, own: unknown, json: unknown, what: string) {
  try {
    const given = own ?? (json === undefined ? codec.decode(new Uint8Array()) : codec.fromJSON(json));
    const bytes = codec.encode(given).finish();
    return { bytes, value: codec.decode(bytes) };
  } catch (cause) {
    throw new Error(`${what} can't be encoded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
