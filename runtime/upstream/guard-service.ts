import type { Annotations } from "./annotations.js";
import type { Barrier } from "./barrier.js";
import { checkService } from "./check-service.js";
import { guardMethod, type OnError } from "./guard-method.js";
import type { ActionOf, AnyMethod, AnyService, EffectHandler, HandlerOf } from "./service-types.js";

/** The RPCs that change something, and how their calls are handled. */
interface EffectOptions<Service extends AnyService, Names extends keyof Service, Tx, Sync extends boolean> {
  readonly barrier: Barrier<Tx, Sync>;
  /** The service's definition, as ts-proto writes it: `OrderServiceService`. */
  readonly definition: Service;
  /** What the RPCs' options say: `readAnnotations` or `loadedAnnotations`. */
  readonly annotations: Annotations;
  /** The RPCs that change something: every step, unless it is a read, every compensation, and what else is to be done once. */
  readonly effects: { readonly [Name in Names]: EffectHandler<Service[Name], Tx, Sync, ActionOf<Service>> };
  /** RPCs of `effects` that plain clients call without a key: such a call has its effect each time that it comes. */
  readonly keyOptional?: readonly NoInfer<Names>[];
  /** Told of errors that are no refusal: the client learns no more than INTERNAL. Default: written to standard error. */
  readonly onError?: OnError;
}

/** What is left of a service, if anything. */
interface OtherOptions<Others> {
  /** grpc-js handlers of all others: reads and streams. They are called as they are. */
  readonly others: Others;
}

/** A service, and how its calls are handled. `others` may be left out where all RPCs are in `effects`. */
export type GuardOptions<
  Service extends AnyService,
  Names extends keyof Service,
  Tx,
  Sync extends boolean,
> = EffectOptions<Service, Names, Tx, Sync> &
  ([Exclude<keyof Service, Names>] extends [never]
    ? Partial<OtherOptions<Readonly<Record<never, never>>>>
    : OtherOptions<{ readonly [Name in Exclude<keyof Service, Names>]: HandlerOf<Service[Name]> }>);

/** What to give to grpc-js' `server.addService`, the two together. */
export interface GuardedService<Service extends AnyService> {
  readonly definition: Service;
  readonly handlers: { readonly [Name in keyof Service]: HandlerOf<Service[Name]> };
}

/**
 * Puts a barrier before the RPCs of a service that have an effect.
 * @example
 * const { definition, handlers } = guardService({ barrier, definition: OrderServiceService, annotations, effects, others });
 * server.addService(definition, handlers);
 * @throws SagaError SAGA_DEFINITION_INVALID where handlers and annotations don't fit together
 */
export function guardService<Service extends AnyService, Names extends keyof Service, Tx, Sync extends boolean>(
  options: GuardOptions<Service, Names, Tx, Sync>,
): GuardedService<Service> {
  const { barrier, annotations, keyOptional = [], onError = tellStandardError } = options;
  const effects = (options.effects ?? {}) as Readonly<Record<string, EffectHandler<AnyMethod, Tx, boolean>>>;
  const others: Readonly<Record<string, unknown>> = options.others ?? {};
  const compensateOnFailure = checkService({ definition: options.definition, annotations, effects, others });
  const definition: Record<string, AnyMethod> = {};
  const handlers: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(options.definition)) {
    const handler = effects[name];
    if (handler === undefined) {
      definition[name] = method;
      handlers[name] = others[name];
      continue;
    }
    const guarded = guardMethod({
      barrier,
      method,
      handler,
      direction: annotations.get(method.path)?.kind === "compensation" ? "compensation" : "action",
      compensateOnFailure: compensateOnFailure.has(method.path),
      actions: actionsOf(method, options.definition, annotations),
      keyOptional: (keyOptional as readonly PropertyKey[]).includes(name),
      onError,
    });
    definition[name] = guarded.method;
    handlers[name] = guarded.handler;
  }
  return { definition, handlers } as unknown as GuardedService<Service>;
}

/** The actions that a method undoes. */
function actionsOf(compensation: AnyMethod, definition: AnyService, annotations: Annotations) {
  return Object.entries(definition).flatMap(([name, method]) => {
    const undoneBy = annotations.get(method.path)?.compensation;
    const service = method.path.slice(0, method.path.lastIndexOf("/"));
    return undoneBy && `${service}/${undoneBy}` === compensation.path ? [{ name, method }] : [];
  });
}

function tellStandardError(error: unknown, { method, key }: Parameters<OnError>[1]): void {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  process.stderr.write(`${method} failed, idempotency-key ${key ?? "none"}: ${text}\n`);
}
