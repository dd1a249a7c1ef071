import { type handleUnaryCall, Metadata, type ServerUnaryCall, type StatusObject } from "@grpc/grpc-js";
import { isSagaError, SagaError } from "../core/errors.js";
import { retriableKey } from "../core/metadata.js";
import { type Answer, errorAnswer, ownAnswer, type RefusedAnswer } from "./answer.js";
import type { Barrier, BarrierCall } from "./barrier.js";
import type { Awaitable } from "./port.js";
import type { DoneAction } from "./rule.js";
import type { AnyMethod, EffectContext, NamedAction } from "./service-types.js";

/** Told of an error that is no refusal: a bug of a handler, or a database that does not answer. */
export type OnError = (error: unknown, call: { readonly method: string; readonly key: string | undefined }) => void;

/** An RPC with an effect. */
export interface MethodOptions<Tx> extends Pick<BarrierCall, "direction" | "compensateOnFailure"> {
  readonly barrier: Barrier<Tx>;
  readonly method: AnyMethod;
  readonly handler: (request: never, context: EffectContext<Tx>) => unknown;
  /** Of a compensation: the actions that it undoes. */
  readonly actions: readonly { readonly name: string; readonly method: AnyMethod }[];
  readonly keyOptional: boolean;
  readonly onError: OnError;
}

/** The method and its handler, for `addService`. */
export interface GuardedMethod {
  readonly method: AnyMethod;
  readonly handler: handleUnaryCall<object, object>;
}

/**
 * Puts a barrier before one RPC. The bytes of requests and responses are kept beside the messages that they stand for:
 * a repeat is known by what came over the wire and not by what this version of the code makes of it, and it gets the
 * stored bytes.
 */
export function guardMethod<Tx>(options: MethodOptions<Tx>): GuardedMethod {
  const { barrier, method, direction, compensateOnFailure, keyOptional, onError } = options;
  const handler = options.handler as (request: object, context: EffectContext<Tx>) => Awaitable<unknown>;
  const bytesOf = new WeakMap<object, Buffer>();

  async function answer(call: ServerUnaryCall<object, object>, key: string | undefined): Promise<Answer> {
    const request = bytesOf.get(call.request);
    if (request === undefined) {
      const mend = "give server.addService the definition that guardService returned together with the handlers";
      throw new SagaError(
        "SAGA_DEFINITION_INVALID",
        `${method.path} was not decoded by its guarded definition: ${mend}`,
      );
    }
    if (key === undefined && !keyOptional) {
      const mend = "send the same key with every attempt of one call, and another with another call";
      throw new SagaError("SAGA_KEY_MISSING", `missing metadata idempotency-key; ${mend}`);
    }
    const retriable = call.metadata.get(retriableKey)[0] === "true";
    const about = { key, method: method.path, request, direction, compensateOnFailure, retriable };
    return barrier.call(about, (tx, { actionKey, action }) => {
      const message = handler(call.request, { tx, key, actionKey, action: action && named(action), call });
      return message instanceof Promise ? message.then(method.responseSerialize) : method.responseSerialize(message);
    });
  }

  function named({ method: path, response }: DoneAction): NamedAction | undefined {
    const action = options.actions.find(({ method }) => method.path === path);
    return action && { name: action.name, response: action.method.responseDeserialize(Buffer.from(response)) };
  }

  return {
    method: {
      ...method,
      requestDeserialize(bytes) {
        const message: object = method.requestDeserialize(bytes);
        bytesOf.set(message, bytes);
        return message;
      },
      responseSerialize: (message: object) => bytesOf.get(message) ?? method.responseSerialize(message),
    },
    // grpc-js leaves the client waiting for ever where a handler throws or rejects: nothing may escape from here.
    handler(call, callback) {
      const key = call.metadata.get("idempotency-key")[0]?.toString() || undefined;
      answer(call, key)
        .catch((error: unknown): RefusedAnswer => {
          if (!isSagaError(error) || error.code === "SAGA_BARRIER_UNAVAILABLE" || error.code === "SAGA_INTERNAL") {
            onError(error, { method: method.path, key });
          }
          return isSagaError(error) ? errorAnswer(error) : ownAnswer("SAGA_INTERNAL", "internal error");
        })
        .then((given) => {
          if (!given.ok) {
            callback(statusOf(given));
            return;
          }
          const bytes = Buffer.from(given.response);
          const message: object = method.responseDeserialize(bytes);
          bytesOf.set(message, bytes);
          callback(null, message);
        })
        .catch((error: unknown) => callback(statusOf(ownAnswer("SAGA_INTERNAL", String(error)))));
    },
  };
}

function statusOf({ code, message, details }: RefusedAnswer): StatusObject {
  const metadata = new Metadata();
  if (details.length > 0) {
    metadata.set("grpc-status-details-bin", Buffer.from(details));
  }
  return { code, details: message, metadata };
}
