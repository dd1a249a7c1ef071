import { type handleUnaryCall, Metadata, type ServerUnaryCall, type StatusObject } from "@grpc/grpc-js";
import { isSagaError, SagaError } from "../core/errors.js";
import { retriableKey } from "../core/plan.js";
import type { Annotations } from "./annotations.js";
import { type Answer, errorAnswer, type RefusedAnswer, sagaAnswer } from "./answer.js";
import type { Barrier } from "./barrier.js";
import type { Awaitable } from "./driver.js";
import type { BarrierCall, DoneAction } from "./rule.js";
import type { ActionOf, AnyMethod, AnyService, EffectContext, EffectHandler, HandlerOf } from "./service-types.js";

/** Receives an error that is not a refusal: a bug in a handler, or a database that is unavailable. */
export type OnError = (error: unknown, call: { readonly method: string; readonly key: string | undefined }) => void;

/** The RPCs that have an effect, and how to handle their calls. */
export interface EffectOptions<Service extends AnyService, Names extends keyof Service, Tx, Sync extends boolean> {
  readonly barrier: Barrier<Tx, Sync>;
  /** The service's definition, as ts-proto generates it: `OrderServiceService`. */
  readonly definition: Service;
  /** The options of the RPCs: from `readAnnotations` or `loadedAnnotations`. */
  readonly annotations: Annotations;
  /** Every step that is not a read, every compensation, and all other RPCs that must take effect once. */
  readonly effects: { readonly [Name in Names]: EffectHandler<Service[Name], Tx, Sync, ActionOf<Service>> };
  /** RPCs of `effects` that clients may call without a key. Such a call has its effect each time that it arrives. */
  readonly keyOptional?: readonly NoInfer<Names>[];
  /** Receives errors that are not refusals; the client receives only INTERNAL. Default: writes to standard error. */
  readonly onError?: OnError;
}

/** The RPCs without an effect. */
export interface OtherOptions<Others> {
  /** grpc-js handlers of all other RPCs: reads and streams. They are called without a barrier. */
  readonly others: Others;
}

/** A service, and how to handle its calls. `others` is optional if all RPCs are in `effects`. */
export type GuardOptions<
  Service extends AnyService,
  Names extends keyof Service,
  Tx,
  Sync extends boolean,
> = EffectOptions<Service, Names, Tx, Sync> &
  ([Exclude<keyof Service, Names>] extends [never]
    ? Partial<OtherOptions<Readonly<Record<never, never>>>>
    : OtherOptions<{ readonly [Name in Exclude<keyof Service, Names>]: HandlerOf<Service[Name]> }>);

/** The arguments of grpc-js' `server.addService`. Use both together. */
export interface GuardedService<Service extends AnyService> {
  readonly definition: Service;
  readonly handlers: { readonly [Name in keyof Service]: HandlerOf<Service[Name]> };
}

/**
 * Puts a barrier in front of the RPCs of a service that have an effect.
 * @example
 * const { definition, handlers } = guardService({ barrier, definition: OrderServiceService, annotations, effects, others });
 * server.addService(definition, handlers);
 * @throws SagaError SAGA_DEFINITION_INVALID if the handlers don't match the annotations
 */
export function guardService<Service extends AnyService, Names extends keyof Service, Tx, Sync extends boolean>(
  options: GuardOptions<Service, Names, Tx, Sync>,
): GuardedService<Service> {
  const { barrier, annotations, onError = writeError } = options;
  const effects: Readonly<Record<string, Handler<Tx> | undefined>> = options.effects ?? {};
  const others: Readonly<Record<string, unknown>> = options.others ?? {};
  const keyOptional = new Set<PropertyKey>(options.keyOptional);
  checkHandlers(options.definition, annotations, effects, others);
  const definition: Record<string, AnyMethod> = {};
  const handlers: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(options.definition)) {
    const handler = effects[name];
    const actions = actionsOf(method, options.definition, annotations);
    const guarded = handler && {
      barrier,
      method,
      handler,
      direction:
        annotations.get(method.path)?.kind === "compensation" ? ("compensation" as const) : ("action" as const),
      compensateOnFailure: actions.some(({ method }) => annotations.get(method.path)?.compensateOnFailure),
      actions,
      keyOptional: keyOptional.has(name),
      onError,
    };
    [definition[name], handlers[name]] = guarded ? guardMethod(guarded) : [method, others[name]];
  }
  // The records have the keys of Service, and for each the method and the handler of its types.
  return { definition, handlers } as GuardedService<AnyService> as GuardedService<Service>;
}

function writeError(error: unknown, { method, key }: Parameters<OnError>[1]): void {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  process.stderr.write(`${method} failed, idempotency-key ${key ?? "none"}: ${text}\n`);
}

/** The actions that an RPC compensates. */
function actionsOf({ path }: AnyMethod, definition: AnyService, annotations: Annotations) {
  const service = path.slice(0, path.lastIndexOf("/"));
  return Object.entries(definition)
    .filter(([, method]) => path === `${service}/${annotations.get(method.path)?.compensation}`)
    .map(([name, method]) => ({ name, method }));
}

/** Checks that each RPC has the handler that its annotations ask for, and reports all errors together. */
function checkHandlers(
  definition: AnyService,
  annotations: Annotations,
  effects: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>>,
): void {
  const errors: string[] = [];
  for (const [name, { path, requestStream, responseStream }] of Object.entries(definition)) {
    const kind = annotations.get(path)?.kind;
    const guarded = effects[name] !== undefined;
    if (kind === undefined) {
      errors.push(`${path} is missing from the annotations; pass those of the proto file that declares it`);
    } else if (guarded === (others[name] !== undefined)) {
      errors.push(`${path} has ${guarded ? "two handlers; keep one" : "no handler; add one"} in effects or in others`);
    } else if (guarded && (requestStream || responseStream)) {
      errors.push(`${path} is a stream, which can't be stored and repeated; move its handler to others`);
    } else if (guarded && kind === "read") {
      errors.push(`${path} has idempotency_level NO_SIDE_EFFECTS; move its handler to others`);
    } else if (!guarded && (kind === "step" || kind === "compensation")) {
      errors.push(`${path} is a ${kind}; move its handler to effects`);
    }
  }
  if (errors.length > 0) {
    throw new SagaError("SAGA_DEFINITION_INVALID", `the service can't be guarded: ${errors.join("; ")}`);
  }
}

type Handler<Tx> = (request: never, context: EffectContext<Tx, never>) => unknown;

interface MethodOptions<Tx> extends Pick<BarrierCall, "direction" | "compensateOnFailure"> {
  readonly barrier: Barrier<Tx>;
  readonly method: AnyMethod;
  readonly handler: Handler<Tx>;
  readonly actions: ReturnType<typeof actionsOf>;
  readonly keyOptional: boolean;
  readonly onError: OnError;
}

/**
 * Puts a barrier in front of one RPC. Keeps the bytes of each request and response with its message: the bytes on the wire
 * identify a repeat, whatever this version of the code decodes from them, and a repeat returns the stored bytes.
 */
function guardMethod<Tx>(options: MethodOptions<Tx>): [AnyMethod, handleUnaryCall<object, object>] {
  const { barrier, method, direction, compensateOnFailure, actions, keyOptional, onError } = options;
  const handler = options.handler as (request: object, context: EffectContext<Tx>) => Awaitable<unknown>;
  const bytesOf = new WeakMap<object, Buffer>();

  const decode = (decoder: (bytes: Buffer) => object, bytes: Buffer): object => {
    const message = decoder(bytes);
    bytesOf.set(message, bytes);
    return message;
  };
  const actionOf = ({ method: path, response }: DoneAction) => {
    const action = actions.find(({ method }) => method.path === path);
    return action && { name: action.name, response: action.method.responseDeserialize(Buffer.from(response)) };
  };

  async function answer(call: ServerUnaryCall<object, object>, key: string | undefined): Promise<Answer> {
    const request = bytesOf.get(call.request);
    if (request === undefined) {
      const fix = "pass server.addService the definition that guardService returned with the handlers";
      throw new SagaError("SAGA_DEFINITION_INVALID", `${method.path} was decoded by another definition; ${fix}`);
    }
    if (key === undefined && !keyOptional) {
      const fix = "send the same key with every attempt of a call, and another key with another call";
      throw new SagaError("SAGA_KEY_MISSING", `missing metadata idempotency-key; ${fix}`);
    }
    const retriable = call.metadata.get(retriableKey)[0] === "true";
    const keyed = { key, method: method.path, request, direction, compensateOnFailure, retriable };
    return barrier.call(keyed, (tx, { actionKey, action }) => {
      const message = handler(call.request, { tx, key, actionKey, action: action && actionOf(action), call });
      return message instanceof Promise ? message.then(method.responseSerialize) : method.responseSerialize(message);
    });
  }

  return [
    {
      ...method,
      requestDeserialize: (bytes) => decode(method.requestDeserialize, bytes),
      responseSerialize: (message: object) => bytesOf.get(message) ?? method.responseSerialize(message),
    },
    // Nothing may escape from here: if a handler throws or rejects, grpc-js never answers the client.
    (call, callback) => {
      const key = call.metadata.get("idempotency-key")[0]?.toString() || undefined;
      answer(call, key)
        .catch((error: unknown): RefusedAnswer => {
          if (!isSagaError(error) || error.code === "SAGA_BARRIER_UNAVAILABLE" || error.code === "SAGA_INTERNAL") {
            onError(error, { method: method.path, key });
          }
          return isSagaError(error) ? errorAnswer(error) : sagaAnswer("SAGA_INTERNAL", "internal error");
        })
        .then((given) =>
          given.ok
            ? callback(null, decode(method.responseDeserialize, Buffer.from(given.response)))
            : callback(statusOf(given)),
        )
        .catch((error: unknown) => callback(statusOf(sagaAnswer("SAGA_INTERNAL", String(error)))));
    },
  ];
}

function statusOf({ code, message, details }: RefusedAnswer): StatusObject {
  const metadata = new Metadata();
  if (details.length > 0) {
    metadata.set("grpc-status-details-bin", Buffer.from(details));
  }
  return { code, details: message, metadata };
}
